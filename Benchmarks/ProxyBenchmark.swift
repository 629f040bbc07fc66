import AgentModel
import Proxy

/// An agent's way through the node proxy, against a bare Envoy with no filters and the same upstream, and against none.
enum ProxyBenchmark {
  private static let goal = "0.5 ms over bare Envoy"

  static func run() async throws -> [Row] {
    try await ProxySite.with { site in
      let ports = BareEnvoy.ProxyPorts(host: try freePort(), api: try freePort())
      let bare = try BareEnvoy.proxy(site, ports: ports)
      return try await running([bare]) {
        let tests = [
          site.throughProxy(host: ProxySite.host, "/v1/messages"),
          LoadTest(name: "bare Envoy", url: "http://127.0.0.1:\(ports.host)/v1/messages"),
          site.stub.directTLS,
          site.throughProxy(host: "api", "/v1/agents"),
          LoadTest(name: "bare Envoy", url: "http://127.0.0.1:\(ports.api)/v1/agents"),
          site.stub.direct,
        ]
        var rows: [Row] = []
        for connections in [1, 16] {
          let results = try await LoadTest.compare(tests, connections: connections)
          let (host, api) = ("host with a credential, c=\(connections)", "platform API by an agent, c=\(connections)")
          rows += [
            .load(host, results[0], "bare Envoy", results[1], goal: goal),
            .load(host, results[0], "direct, TLS", results[2]),
            .load(api, results[3], "bare Envoy", results[4], goal: goal),
            .load(api, results[3], "direct, plain", results[5]),
          ]
        }
        return rows
      }
    }
  }
}
