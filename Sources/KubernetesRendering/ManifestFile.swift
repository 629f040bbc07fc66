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
    /// As it stands in the policy: a document that a component of the cluster reads as we do.
    case text(String)
  }

  package init(_ path: String, _ objects: [any ClusterObject]) {
    self.path = path
    content = .objects(objects)
    isApplied = true
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
      return try objects.map { "---\n" + (try YAMLText(json: Array(Self.encoder.encode(Erased($0)))).description) }
        .joined()
    }
  }

  private static let encoder: JSONEncoder = {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }()

  private struct Erased: Encodable {
    let object: any ClusterObject

    init(_ object: any ClusterObject) { self.object = object }

    func encode(to encoder: any Encoder) throws { try object.encode(to: encoder) }
  }
}
