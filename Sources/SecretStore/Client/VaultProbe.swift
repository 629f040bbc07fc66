import Faults
import FoundationEssentials
import NIOHTTP1

/// A question to the secrets manager of which only the status of its answer is told.
package struct VaultProbe: Hashable, Sendable, Codable {
  package enum Verb: String, Hashable, Sendable, Codable {
    case read, list, write, delete
  }

  package var verb: Verb
  /// Below `/v1/`.
  package var path: String
  package var body: [String: String]

  package init(_ verb: Verb, _ path: String, body: [String: String] = [:]) {
    self.verb = verb
    self.path = path
    self.body = body
  }
}

extension Vault {
  /// The HTTP status of the answer.
  ///
  /// - Throws: `Fault` when there is none, or when the path is not plain.
  package func status(of probe: VaultProbe) async throws -> Int {
    let (method, query): (HTTPMethod, String) =
      switch probe.verb {
      case .read: (.GET, "")
      case .list: (.GET, "list=true")
      case .write: (.POST, "")
      case .delete: (.DELETE, "")
      }
    let body = probe.body.isEmpty ? nil : Array(try JSONEncoder().encode(probe.body))
    return try await withToken {
      try await client.status(method, probe.path, query: query, body: body, token: $0)
    }
  }
}
