import APIModel
import AgentModel
import FoundationEssentials

extension DenialResource {
  /// What its owner adds to the agent, if the attempt was meant to be allowed; `nil` when nothing would help.
  ///
  /// - Parameter setting: the command that sets a secret.
  func remedy(of agent: Agent, setting: (SecretName) -> String) -> String? {
    guard var name = host.map({ $0.hasSuffix(".") ? String($0.dropLast()) : $0 }) else { return nil }
    let suffix = ".\(HostPattern.internalSuffix)"
    let isInternal = name.hasSuffix(suffix)
    if isInternal { name.removeLast(suffix.utf8.count) }
    guard let pattern = HostPattern(name) else { return nil }
    guard let allowance = agent.spec.egress.first(where: { $0.host.matches(name) }) else {
      return isInternal
        ? "add to spec.egress: {host: \(pattern), credential: {secret: NAME, header: HEADER}}"
        : "add to spec.egress: {host: \(pattern)}"
    }
    if let expires = allowance.expires, !allowance.isOpen(at: time) {
      return "its rule in spec.egress expired at \(expires): give it a later 'expires', or none"
    }
    guard let credential = allowance.credential else {
      return isInternal ? "call https://\(pattern), or give its rule in spec.egress a credential" : nil
    }
    guard isInternal else { return "call http://\(pattern)\(suffix), where the proxy adds the credential" }
    if let method, !allowance.methods.isEmpty, !allowance.methods.contains(method) {
      return "add \(method) to the methods of \(pattern) in spec.egress"
    }
    if let path, !allowance.paths.isEmpty, !allowance.paths.contains(where: { covers($0, path) }) {
      return "add \(path) to the paths of \(pattern) in spec.egress"
    }
    // The rule allows it: what is missing is the credential.
    return "set the secret: \(setting(credential.secret))"
  }
}

/// Whether a rule of `paths`, `/exact` or `/prefix/*`, allows the path.
private func covers(_ rule: String, _ path: String) -> Bool {
  rule.hasSuffix("/*") ? path.hasPrefix(rule.dropLast()) : path == rule
}
