import Proxy

/// The way through the gateway, against a bare Envoy with the same filters, and against none.
enum GatewayBenchmark {
  private static let goal = "0.5 ms over bare Envoy"

  static func run() async throws -> [Row] {
    // The node proxy is measured by itself.
    try await ProxySite.with(skipsProxy: true) { site in
      let port = try freePort()
      let bare = try BareEnvoy.gateway(site, port: port)
      return try await running([bare]) {
        let (api, agent) = ("/v1/agents", "/agents/\(ProxySite.agent)/hello")
        func throughBare(_ path: String) -> LoadTest {
          var test = site.throughGateway(path)
          (test.name, test.url) = ("bare Envoy", "https://127.0.0.1:\(port)\(path)")
          return test
        }
        let tests = [
          site.throughGateway(api), throughBare(api), site.throughGateway(agent), throughBare(agent),
          site.stub.directTLS,
        ]
        var rows: [Row] = []
        for connections in [1, 16] {
          let results = try await LoadTest.compare(tests, connections: connections)
          for (place, name) in [(0, "gateway to the API"), (2, "gateway to an agent")] {
            let what = "\(name), c=\(connections)"
            rows += [
              .load(what, results[place], "bare Envoy", results[place + 1], goal: goal),
              .load(what, results[place], "direct, TLS", results[4]),
            ]
          }
        }
        return rows
      }
    }
  }
}

/// Runs the body with these Envoys beside it.
func running<Value>(_ envoys: [BenchmarkEnvoy], _ body: () async throws -> Value) async throws -> Value {
  do {
    for envoy in envoys { try await envoy.start() }
    let value = try await body()
    for envoy in envoys { await envoy.stop() }
    return value
  } catch {
    for envoy in envoys { await envoy.stop() }
    throw error
  }
}
