import AgentModel
import Faults
import Manifests

/// The environment that SDKs read to find an AI provider, by the provider's host.
package struct Providers: Hashable, Sendable {
  /// What stands where an SDK wants a key. It opens nothing.
  package static let placeholder = "added-by-the-lobstack-proxy"

  /// Host to variables; `{url}` and `{placeholder}` in their values are still to be replaced.
  private var templates: [HostPattern: [(name: String, value: String)]] = [:]

  package static func == (left: Providers, right: Providers) -> Bool {
    left.templates.mapValues { $0.map { "\($0)" } } == right.templates.mapValues { $0.map { "\($0)" } }
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(templates.keys.count) }

  package init() {}

  /// Reads a ConfigMap whose data are hosts with lines `NAME=value`.
  init(_ manifest: Manifest) throws {
    var fields = try Fields(manifest)
    for name in ["apiVersion", "kind", "metadata"] { _ = try fields.require(name) }
    for (host, value) in try fields.require("data").entries() {
      guard let pattern = HostPattern(host), !pattern.isWildcard else {
        throw value.fault("'\(host)' is not a host's name", remedy: "name the provider's host")
      }
      templates[pattern] = try value.string().split(separator: "\n").map { line in
        let parts = line.split(separator: "=", maxSplits: 1)
        guard parts.count == 2 else {
          throw value.fault("'\(line)' is not NAME=value", remedy: "write one variable on each line")
        }
        return (String(parts[0]), String(parts[1]))
      }
    }
    try fields.finish()
  }

  /// The variables for an agent's hosts with a credential.
  func environment(for egress: [EgressAllowance]) -> [String: String] {
    var environment: [String: String] = [:]
    for allowance in egress where allowance.credential != nil {
      let url = "http://\(allowance.host).\(HostPattern.internalSuffix)"
      for (name, template) in templates[allowance.host] ?? [] {
        environment[name] = template.replacing("{url}", with: url).replacing("{placeholder}", with: Self.placeholder)
      }
    }
    return environment
  }
}
