import AgentModel
import Crypto
import TextEncodings

/// The names of an agent's objects.
///
/// No two agents of a namespace share one, whatever they are called: within a kind all names have an ending, and none
/// of the endings is the end of another. Services have a beginning instead, since theirs must begin with a letter and
/// have at most 63 bytes (RFC 1035 §2.3.1): what does not fit is cut, with its digest behind it, and has another
/// beginning than those that fit.
package struct AgentNames {
  /// What `app.kubernetes.io/name` says of all that is a gateway's.
  package static let gatewayPart = "agent-gateway"
  package static let gatewayContainer = "envoy"

  private let name: String

  package init(_ name: AgentName) { self.name = "\(name)" }

  /// Of the Pod and of the service account, of which there is one of each.
  package var agent: String { name }
  package var workspace: String { "\(name)-workspace" }
  var agentPolicy: String { "\(name)-agent" }
  /// Of all that is the gateway's, but for its Service.
  package var gateway: String { "\(name)-gateway" }
  var secrets: String { "\(name)-secrets" }
  var credentials: String { "\(name)-credentials" }
  package var agentService: String { service("agent") }
  package var gatewayService: String { service("gateway") }

  private static let longest = 63

  private func service(_ kind: String) -> String {
    let whole = "\(kind)-\(name)"
    guard whole.utf8.count > Self.longest else { return whole }
    let cut = "\(kind)x-\(name)".prefix(Self.longest - shortDigest(name).utf8.count - 1)
    return "\(cut)-\(shortDigest(name))"
  }

  /// The user of a gateway's Envoy. Each gateway has its own, because the kernel counts what a user watches (inotify)
  /// over all Pods of a node, and Envoy ends itself when nothing is left.
  static func gatewayUser(of agent: AgentID) -> Int {
    SHA256.hash(data: Array("\(agent)".utf8)).prefix(4).reduce(0) { $0 << 8 | Int($1) } >> 2 + 1_000_000
  }
}

/// The first 64 bits of the text's SHA-256 digest, as sixteen hexadecimal digits.
package func shortDigest(_ text: String) -> String {
  Hexadecimal.encode(SHA256.hash(data: Array(text.utf8)).prefix(8))
}
