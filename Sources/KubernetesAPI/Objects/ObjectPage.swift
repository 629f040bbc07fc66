import JSONValues

/// A part of a list, as the API server gives it.
package struct ObjectPage: Sendable {
  package var objects: [KubernetesObject] = []
  /// Whether a list begins with it. One that begins anew has another: what pages before it told is void then.
  package var isFirst = true
  /// The state that the whole list shows, to watch from.
  package var resourceVersion = ""
  /// Where the list goes on; empty when it does not.
  package var continuation = ""
}

extension ObjectPage {
  /// Reads a list. Its objects of built-in types lack what they are, which the list alone tells.
  init(_ text: [UInt8]) throws(JSONError) {
    var page = ObjectPage()
    var (apiVersion, kind): (JSON?, String?)
    var reader = JSONReader(text)
    try reader.members { (reader, key) throws(JSONError) in
      switch key {
      case "apiVersion": apiVersion = try reader.value()
      case "kind": kind = try reader.value().string
      case "metadata":
        let metadata = try reader.value()
        page.resourceVersion = metadata["resourceVersion"]?.string ?? ""
        page.continuation = metadata["continue"]?.string ?? ""
      case "items":
        // `null` when there is none, by some servers.
        guard reader.isAtArray else { return try reader.pass() }
        try reader.elements { (reader) throws(JSONError) in page.objects.append(try KubernetesObject(&reader)) }
      default: try reader.pass()
      }
    }
    try reader.finish()
    if let kind, kind.hasSuffix("List") {
      for index in page.objects.indices where page.objects[index].fields["kind"] == nil {
        page.objects[index].fields["kind"] = .string(String(kind.dropLast("List".count)))
        page.objects[index].fields["apiVersion"] = apiVersion
      }
    }
    self = page
  }
}

/// All objects that a selection has, at one moment.
package struct ObjectList: Sendable {
  package var objects: [KubernetesObject]
  /// The state that it shows, to watch from.
  package var resourceVersion: String
}

/// Which objects of a type are meant, by the API's selectors.
package struct Selection: Hashable, Sendable {
  /// `app=agent,team!=support`.
  package var labels: String?
  /// `metadata.name=bot`.
  package var fields: String?

  package init(labels: String? = nil, fields: String? = nil) {
    self.labels = labels
    self.fields = fields
  }

  package static let everything = Selection()

  var query: [(String, String)] {
    [("labelSelector", labels), ("fieldSelector", fields)].compactMap { name, value in value.map { (name, $0) } }
  }
}
