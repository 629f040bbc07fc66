import TestSupport

/// OPA with an engine for each policy, in this process.
final class OPAPeer {
  private var policies: [(engine: OPABridge, rule: String)] = []
  private var refused = 0

  /// - Parameter path: of its library.
  init(_ path: String, _ policies: [ModernPolicy], _ input: String) {
    for policy in policies {
      do {
        let engine = try OPABridge(path)
        for module in policy.modules { try engine.add(module.name, module.text) }
        _ = try engine.evaluate(policy.rule, input: input)
        self.policies.append((engine, policy.rule))
      } catch { refused += 1 }
    }
  }

  var title: String { "OPA\(refused == 0 ? "" : " with \(policies.count) of the policies, no answer of the others")" }

  func evaluate(_ input: String) throws {
    for policy in policies { _ = try policy.engine.evaluate(policy.rule, input: input) }
  }
}
