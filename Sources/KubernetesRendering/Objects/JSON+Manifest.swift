import JSONValues
import Manifests

/// Parts of objects whose fields another component defines are JSON: a constraint's parameters, a piece of Envoy's
/// configuration.
extension JSON {
  init(_ manifest: Manifest) {
    self =
      switch manifest.value {
      case .null: .null
      case .bool(let value): .bool(value)
      case .int(let value): .int(value)
      case .double(let value): .double(value)
      case .string(let value): .string(value)
      case .list(let items): .array(items.map(JSON.init))
      case .map(let pairs): .object(Dictionary(pairs.map { ($0.key, JSON($0.value)) }) { first, _ in first })
      }
  }
}
