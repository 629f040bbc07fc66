import Faults

/// Where a server answers that speaks Vault's HTTP API: OpenBao or HashiCorp Vault, one node or several of a cluster.
package struct VaultAddress: Hashable, Sendable, CustomStringConvertible {
  package enum Node: Hashable, Sendable, CustomStringConvertible {
    /// Path of a Unix socket.
    case unix(String)
    /// `https://HOST:PORT`, without a path.
    case https(String)

    package var description: String {
      switch self {
      case .unix(let path): path
      case .https(let url): url
      }
    }
  }

  package let nodes: [Node]
  /// Who vouches for the nodes, PEM; `nil` for the system's authorities.
  package let roots: String?
  /// The namespace that all paths lie in (`X-Vault-Namespace`).
  package let namespace: String?

  package init(socket: String) {
    nodes = [.unix(socket)]
    roots = nil
    namespace = nil
  }

  /// - Parameter urls: one or several of a cluster, separated by commas, as in `VAULT_ADDR` one is.
  /// - Throws: `Fault(.invalid)` for an address that is not `https://HOST[:PORT]` or `unix:///PATH`.
  package init(urls: String, roots: String? = nil, namespace: String? = nil) throws {
    nodes = try urls.split(separator: ",", omittingEmptySubsequences: false).map { try Self.node(String($0)) }
    self.roots = roots
    self.namespace = namespace
  }

  private static func node(_ text: String) throws -> Node {
    let (socket, web) = ("unix://", "https://")
    if text.hasPrefix("\(socket)/") { return .unix(String(text.dropFirst(socket.count))) }
    var place = Substring(text)
    if place.hasSuffix("/") { place = place.dropLast() }
    let host = place.dropFirst(web.count)
    let isHost = host.utf8.allSatisfy { (0x21...0x7e).contains($0) && !"/?#@\\%\"".utf8.contains($0) }
    guard place.hasPrefix(web), !host.isEmpty, isHost else {
      throw Fault(
        .invalid, operation: "use the secrets manager at '\(text.prefix(200))'",
        reason: text.hasPrefix("http://") ? "tokens and secrets would travel in the clear" : "it is no such address",
        remedy: "give https://HOST:PORT, or unix:///PATH of its socket")
    }
    return .https(String(place))
  }

  package var description: String { nodes.map(\.description).joined(separator: ",") }
}
