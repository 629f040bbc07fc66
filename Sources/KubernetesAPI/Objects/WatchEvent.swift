import JSONValues

/// What a watch tells.
package enum WatchEvent: Hashable, Sendable {
  case added(KubernetesObject)
  case modified(KubernetesObject)
  /// The object as it was last.
  case deleted(KubernetesObject)
  /// Nothing happened that is of interest up to this resource version.
  case bookmark(String)
}

/// A line of a watch.
enum WatchLine: Hashable, Sendable {
  case event(WatchEvent)
  /// The watch is over, for this reason.
  case failure(APIStatus)
  /// Of a kind that a later API may add.
  case unknown

  init(_ text: [UInt8]) throws(JSONError) {
    var reader = JSONReader(text)
    var type: String?
    var object = KubernetesObject(fields: [:])
    try reader.members { (reader, key) throws(JSONError) in
      switch key {
      case "type": type = try reader.value().string
      case "object": object = try KubernetesObject(&reader)
      default: try reader.pass()
      }
    }
    try reader.finish()
    switch type {
    case "ADDED": self = .event(.added(object))
    case "MODIFIED": self = .event(.modified(object))
    case "DELETED": self = .event(.deleted(object))
    case "BOOKMARK": self = .event(.bookmark(object.resourceVersion ?? ""))
    case "ERROR": self = .failure(APIStatus(object.json))
    default: self = .unknown
    }
  }
}
