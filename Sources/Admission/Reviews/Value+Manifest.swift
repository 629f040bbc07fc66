import Manifests
import Rego

extension Value {
  /// What a document holds, as the Kubernetes API reads YAML: what is a whole number is one, however it is written.
  package init(_ manifest: Manifest) {
    switch manifest.value {
    case .null: self = .null
    case .bool(let value): self = .bool(value)
    case .int(let value): self = .int(value)
    case .double(let value):
      // Go, which Kubernetes is written in, has no ".0" at the end.
      self = Int(exactly: value).map(Value.int) ?? Number("\(value)").map(Value.number) ?? .string("\(value)")
    case .string(let text): self = .string(text)
    case .list(let items): self = .array(items.map(Value.init))
    case .map(let entries): self = .object(ObjectValue(entries.map { (.string($0.key), Value($0.value)) }))
    }
  }

  /// The value below a path of keys.
  subscript(path: String...) -> Value? {
    path.reduce(Value?.some(self)) { $0?.object?[$1] }
  }

  /// A mapping of strings, null standing for an empty one; none of it when something else is in it. So labels are for
  /// Gatekeeper too: an exemption by one does not hold for an object that no API server would take.
  var stringMap: [String: String] {
    var strings: [String: String] = [:]
    for entry in object?.entries ?? [] {
      guard let key = entry.key.text, let value = entry.value == .null ? "" : entry.value.text else { return [:] }
      strings[key] = value
    }
    return strings
  }
}
