import Faults
import Foundation
import Manifests

/// A file of what is rendered.
package struct ManifestFile: Sendable {
  /// Below the output directory: `vault/openbao.yaml`.
  package var path: String
  package var content: Content
  /// Whether 'kubectl apply -k' applies it; what nodes and other installers read is only laid beside.
  package var isApplied: Bool

  package enum Content: Sendable {
    case objects([any ClusterObject])
    /// Of a file that is no object of the API: a program's own configuration, in its form.
    case configuration(any Encodable & Sendable, Form, note: String)
    /// As it stands in the policy: a document that a component of the cluster reads as we do.
    case text(String)
  }

  package enum Form: Sendable {
    case yaml, json
  }

  package init(_ path: String, _ objects: [any ClusterObject], isApplied: Bool = true) {
    self.path = path
    content = .objects(objects)
    self.isApplied = isApplied
  }

  /// What the API never sees, and whom it is for reads by itself.
  ///
  /// - Parameter note: comments above it; JSON has none.
  package init(_ path: String, configuration: any Encodable & Sendable, _ form: Form, note: String = "") {
    self.path = path
    content = .configuration(configuration, form, note: note)
    isApplied = false
  }

  package init(_ path: String, text: String, isApplied: Bool = true) {
    self.path = path
    content = .text(text)
    self.isApplied = isApplied
  }

  /// The same for the same objects, byte by byte.
  ///
  /// - Throws: when a value has no JSON, such as a number that is not finite.
  package func text() throws -> String {
    switch content {
    case .text(let text): return text
    case .objects(let objects):
      return try objects.map { "---\n" + (try Self.yaml($0)) }.joined()
    case .configuration(let value, .yaml, let note): return note + (try Self.yaml(value))
    case .configuration(let value, .json, _):
      return String(decoding: try Self.encoder.encode(Erased(value)), as: UTF8.self) + "\n"
    }
  }

  private static func yaml(_ value: any Encodable) throws -> String {
    try YAMLText(json: Array(encoder.encode(Erased(value)))).description
  }

  private static let encoder: JSONEncoder = {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }()

  private struct Erased: Encodable {
    let value: any Encodable

    init(_ value: any Encodable) { self.value = value }

    func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
  }
}
