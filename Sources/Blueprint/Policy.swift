import Documents
import Faults
import Foundation
import Manifests

/// The platform's policy, read from a `policy/` directory: the only source of a rule.
package struct Policy: Sendable {
  /// The NetworkPolicies that apply to every agent.
  package var networkPolicies: [NetworkPolicy]
  /// Destinations that no policy may ever open, in CIDR notation, IPv4 and IPv6.
  package var deniedDestinations: [String]
  /// Who may speak to whom over mutual TLS, agents' own rules aside.
  package var authorizationPolicies: [AuthorizationPolicy] = []
  package var providers = Providers()

  /// Reads `network/`, `mesh/` and `egress/`.
  ///
  /// - Throws: `Fault` naming the file, line and field that is wrong. A policy that cannot be read whole is not used.
  package static func load(directory: String) throws -> Policy {
    let network = "\(directory)/network"
    let always = try readNetworkPolicies("\(network)/agent-default-deny.yaml")
    let denied = try readNetworkPolicies("\(network)/denied-destinations.yaml")
    let exceptions = denied.flatMap { policy in
      (policy.spec.egress ?? []).flatMap { rule in (rule.to ?? []).flatMap { $0.ipBlock?.except ?? [] } }
    }
    guard !exceptions.isEmpty else {
      throw Fault(
        .invalid, operation: "read \(network)/denied-destinations.yaml", reason: "no ipBlock has an 'except' list",
        remedy: "list the destinations that are never opened")
    }
    return Policy(
      networkPolicies: always, deniedDestinations: exceptions,
      authorizationPolicies: try ["platform-api", "agent-ingress"].flatMap {
        try readAll("\(directory)/mesh/\($0).yaml", parseAuthorizationPolicy)
      },
      providers: try readAll("\(directory)/egress/providers.yaml", Providers.init).first ?? Providers())
  }

  private static func readNetworkPolicies(_ path: String) throws -> [NetworkPolicy] {
    try readAll(path, parseNetworkPolicy)
  }

  private static func readAll<Value>(_ path: String, _ parse: (Manifest) throws -> Value) throws -> [Value] {
    let text: String
    do {
      text = try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      throw Fault(
        .invalid, operation: "read \(path)", reason: "the file cannot be read", remedy: "restore the policy directory",
        cause: error)
    }
    let values = try Manifest.parse(text, source: path).map(parse)
    guard !values.isEmpty else {
      throw Fault(.invalid, operation: "read \(path)", reason: "it holds no document", remedy: "restore the file")
    }
    return values
  }
}
