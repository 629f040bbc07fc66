import Foundation
import Proxy

/// Every certificate changed again and again while requests flow: the gateway's public one, the identities of gateway,
/// control plane, node proxy and agent, and the root that vouches for them all. Against the same load at rest.
enum RotationBenchmark {
  private static let seconds = 20

  static func run() async throws -> [Row] {
    try await ProxySite.with { site in
      let rest = try await load(site)
      async let loaded = load(site)
      let end = ContinuousClock.now + .seconds(seconds)
      var present = site.identities
      var rotations = 0
      while ContinuousClock.now < end {
        rotations += 1
        let next = try Identities(in: try directory("root-\(rotations)", in: site))
        try await rotate(site, from: present, to: next, number: rotations)
        present = next
        try await Task.sleep(for: .milliseconds(500))
      }
      let busy = try await loaded
      return zip(rest, busy).map { rest, busy in
        let failed = busy.result.failed == 0 ? "0 failed" : "\(busy.result.failed) FAILED"
        return Row(
          what: "\(rotations) rotations of all certificates: \(busy.name)",
          figure: "\(failed) of \(busy.result.requests), \(Row.text([busy.result]))",
          peer: "at rest: \(rest.result.failed) failed of \(rest.result.requests), \(Row.text([rest.result]))",
          ratio: String(
            format: "%.2f / %.2f", busy.result.p50 / rest.result.p50, busy.result.p99 / rest.result.p99),
          goal: "0 failed")
      }
    }
  }

  /// As the platform does it: everybody trusts both roots before anybody shows a certificate under the new one, and the
  /// old root goes when nobody shows one under it.
  private static func rotate(
    _ site: ProxySite, from old: Identities, to new: Identities, number: Int
  ) async throws {
    let steps: [(Identities, roots: String)] = [
      (old, old.roots + new.roots), (new, old.roots + new.roots), (new, new.roots),
    ]
    for (place, step) in steps.enumerated() {
      let version = "\(number)-\(place)"
      _ = try await site.stub.envoy.driver.apply(try site.stub.files(step.0, roots: step.roots), version: version)
      _ = try await site.proxy.driver.apply(
        NodeProxy(layout: site.proxyLayout).files(try site.state(step.0, roots: step.roots)), version: version)
      _ = try await site.gateway.driver.apply(try site.gatewayFiles(step.0, roots: step.roots), version: version)
    }
  }

  /// Three kinds of clients at once: two that keep their connections, and one that opens another for each request.
  private static func load(_ site: ProxySite) async throws -> [(name: String, result: LoadResult)] {
    var agent = site.throughGateway("/agents/\(ProxySite.agent)/hello")
    agent.headers["Connection"] = "close"
    let closing = agent
    async let api = site.throughGateway("/v1/agents").run(connections: 4, seconds: seconds)
    async let ingress = closing.run(connections: 2, seconds: seconds)
    async let egress = site.throughProxy(host: "api", "/v1/agents").run(connections: 4, seconds: seconds)
    return [
      ("client to the API", try await api), ("client to an agent, a connection each", try await ingress),
      ("agent to the API", try await egress),
    ]
  }

  private static func directory(_ name: String, in site: ProxySite) throws -> String {
    let path = "\(site.directory.path)/\(name)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    return path
  }
}
