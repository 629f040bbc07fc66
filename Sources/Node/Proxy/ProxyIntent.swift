import AgentModel
import Documents
import Faults
import Foundation

/// What an agent's documents mean for the node proxy.
struct ProxyIntent: Hashable, Sendable {
  var egress: [EgressAllowance]
  /// Who may speak to the agent's ports; none but the platform's gateway can be enforced here.
  var allowsGateway: Bool

  /// Compiles the documents with Istio's meaning: a host is reached when a ServiceEntry knows it and an
  /// AuthorizationPolicy allows the agent's principal to call it.
  ///
  /// - Throws: `Fault(.unsupported)` for what this proxy does not enforce, naming the document.
  init(
    agent: AgentID, domain: TrustDomain, serviceEntries: [ServiceEntry], authorizationPolicies: [AuthorizationPolicy]
  ) throws {
    let principal = SPIFFEID.agent(agent, in: domain).principal
    let gateway = SPIFFEID.service(.gateway, in: domain).principal
    egress = []
    allowsGateway = false
    for policy in authorizationPolicies {
      if policy.spec.selector != nil {
        let principals = policy.spec.rules.flatMap { ($0.from ?? []).flatMap(\.source.principals) }
        guard policy.spec.rules.allSatisfy({ $0.from != nil && $0.to == nil }),
          principals.allSatisfy({ expanded($0, domain) == gateway })
        else {
          throw Self.unsupported(policy.metadata.name, "only the gateway's principal may speak to agents")
        }
        allowsGateway = allowsGateway || !principals.isEmpty
        continue
      }
      for rule in policy.spec.rules
      where (rule.from ?? []).contains(where: { $0.source.principals.contains(principal) }) {
        for operation in (rule.to ?? []).map(\.operation) {
          egress += try (operation.hosts ?? []).map { host in
            try Self.allowance(host, operation, serviceEntries, in: policy.metadata.name)
          }
        }
      }
    }
  }

  private static func allowance(
    _ host: String, _ operation: AuthorizationRule.Operation, _ entries: [ServiceEntry], in policy: String
  ) throws -> EgressAllowance {
    guard let pattern = HostPattern(host), operation.ports == ["443"],
      let entry = entries.first(where: { $0.spec.hosts.contains(host) })
    else { throw unsupported(policy, "'\(host.prefix(80))' has no ServiceEntry with port 443") }
    var allowance = EgressAllowance(
      host: pattern, methods: operation.methods ?? [], paths: operation.paths ?? [])
    let annotations = entry.metadata.annotations ?? [:]
    if let text = annotations[credentialSecretAnnotation] {
      guard let secret = SecretName(text), let header = annotations[credentialHeaderAnnotation] else {
        throw unsupported(entry.metadata.name, "its credential has no secret or no header")
      }
      allowance.credential = EgressAllowance.Credential(
        secret: secret, header: header, prefix: annotations[credentialPrefixAnnotation] ?? "")
    }
    if let text = annotations[expiryAnnotation] {
      guard let expires = UTCTime(text) else {
        throw unsupported(entry.metadata.name, "'\(text.prefix(80))' is not \(UTCTime.rule)")
      }
      allowance.expires = expires
    }
    return allowance
  }

  /// What is open then: an allowance that has expired opens nothing.
  func egress(at time: Date) -> [EgressAllowance] { egress.filter { $0.isOpen(at: time) } }

  private static func unsupported(_ document: String, _ reason: String) -> Fault {
    Fault(
      .unsupported, operation: "enforce \(document)", reason: reason,
      remedy: "correct the document, or use a target that enforces it")
  }
}

extension SPIFFEID {
  /// The id as Istio's policies write it, without the scheme.
  var principal: String { "\(trustDomain)\(path)" }
}
