import JSONValues

/// An object of the Kubernetes API, whatever its kind.
///
/// What the API server tells of `metadata.managedFields` is left out: it is half of many objects, and a change without
/// it keeps them.
package struct KubernetesObject: Hashable, Sendable {
  package var fields: [String: JSON]

  package init(fields: [String: JSON]) { self.fields = fields }

  /// What a typed document says.
  package init(encoding document: some Encodable) throws {
    self.init(fields: try JSON(encoding: document).object ?? [:])
  }

  /// The typed document; fields that it does not know are left out.
  package func decoded<Document: Decodable>(as type: Document.Type = Document.self) throws -> Document {
    try JSON.object(fields).decoded(as: type)
  }

  /// The value at a path: `object["status", "phase"]`.
  package subscript(_ path: String...) -> JSON? {
    path.reduce(JSON.object(fields)) { $0?[$1] }
  }

  package var apiVersion: String { fields["apiVersion"]?.string ?? "" }
  package var kind: String { fields["kind"]?.string ?? "" }

  var json: JSON { .object(fields) }
}

extension KubernetesObject: Codable {
  package init(from decoder: any Decoder) throws {
    self.init(fields: try decoder.singleValueContainer().decode([String: JSON].self))
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(fields)
  }
}

extension KubernetesObject {
  /// Reads the object that comes next, without its managed fields.
  init(_ reader: inout JSONReader) throws(JSONError) {
    var fields: [String: JSON] = [:]
    try reader.members { (reader, key) throws(JSONError) in
      guard key == "metadata", reader.isAtObject else {
        fields[key] = try reader.value()
        return
      }
      var metadata: [String: JSON] = [:]
      try reader.members { (reader, key) throws(JSONError) in
        if key == "managedFields" { try reader.pass() } else { metadata[key] = try reader.value() }
      }
      fields[key] = .object(metadata)
    }
    self.init(fields: fields)
  }

  init(_ text: [UInt8]) throws(JSONError) {
    var reader = JSONReader(text)
    try self.init(&reader)
    try reader.finish()
  }
}
