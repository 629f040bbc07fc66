import AgentModel
import ChildProcess
import Foundation
import Proxy
import Testing

@Suite(
  "TLS of agents", .enabled(if: hasEnvoy, "Envoy is not installed: run scripts/setup"), .timeLimit(.minutes(3)))
struct NodeProxyPassThroughTests {
  @Test("passes to the hosts of the agent's own list, in any spelling, and to no others") func allowList() async throws
  {
    try await NodeProxyWorld.running { world in
      for (agent, name, passes) in [
        (NodeProxyWorld.Agent.one, "other.stub.test", true), (.one, "OTHER.Stub.test", true),
        (.one, "api.stub.test", false), (.two, "api.stub.test", true),
        // One agent's rule for exactly this host must not hide the other's wildcard.
        (.two, "other.stub.test", true), (.two, "a.b.c.stub.test", true), (.two, "stub.test", false),
        (.two, "evilstub.test", false), (.two, "x.stub.test.evil.test", false), (.nobody, "other.stub.test", false),
        (.two, "nx.stub.test", false),
      ] {
        let answer = try await world.passThrough(agent, name)
        #expect((answer.status == 200) == passes, "\(agent) \(name): \(answer)")
      }
      let plain = try await world.raw(
        .one, port: world.layout.tlsPort, "GET / HTTP/1.1\r\nHost: other.stub.test\r\n\r\n")
      #expect(plain.isEmpty)
      try await eventually { world.denials("\"kind\":\"tls\"", "nx.stub.test", "\"flags\":\"UH\"").count == 1 }
      let refused = world.denials("\"kind\":\"tls\"", "\"flags\":\"NR\"", "\"agent\":\"\(world.address(of: .nobody))\"")
      #expect(refused.count == 1 && refused.allSatisfy { $0.contains("other.stub.test") })
    }
  }

  @Test("ends within seconds when its rule goes, while other connections of anybody go on") func revoked() async throws
  {
    try await NodeProxyWorld.running { world in
      let held = try await withThrowingTaskGroup(of: (String, Duration).self) { group in
        for (agent, name) in [(NodeProxyWorld.Agent.one, "other.stub.test"), (.two, "other.stub.test")] {
          group.addTask { (agent.rawValue, try await Self.hold(world, agent, name, seconds: 9)) }
        }
        group.addTask {
          try await Task.sleep(for: .seconds(1))
          var state = try world.state()
          state.agents[0].egress = [try NodeProxyExample.allowance("new.stub.test")]
          _ = try await world.driver.apply(NodeProxy(layout: world.layout).files(state), version: "2")
          #expect(try await world.passThrough(.one, "other.stub.test").status == 0)
          #expect(try await world.passThrough(.one, "new.stub.test").status == 200)
          return ("change", .zero)
        }
        return try await group.reduce(into: [String: Duration]()) { $0[$1.0] = $1.1 }
      }
      let one = try #require(held["one"])
      let two = try #require(held["two"])
      #expect(one < .seconds(6) && two > .seconds(8), "\(held)")
    }
  }

  /// Sends requests over one connection until it ends or the time is over.
  private static func hold(
    _ world: NodeProxyWorld, _ agent: NodeProxyWorld.Agent, _ name: String, seconds: Int
  ) async throws -> Duration {
    let script = """
      import socket, ssl, sys, time
      c = ssl.create_default_context(cafile=sys.argv[1])
      s = socket.socket(); s.bind((sys.argv[2], 0)); s.settimeout(3); s.connect((sys.argv[3], int(sys.argv[4])))
      s = c.wrap_socket(s, server_hostname=sys.argv[5]); start = time.time()
      try:
          while time.time() - start < int(sys.argv[6]):
              s.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
              if not s.recv(1000): break
              time.sleep(0.1)
      except OSError: pass
      print(int((time.time() - start) * 1000))
      """
    let text = try await Command(
      "/usr/bin/python3",
      [
        "-c", script, "\(world.directory)/web.crt", world.address(of: agent), world.layout.serviceAddress,
        "\(world.layout.tlsPort)", name, "\(seconds)",
      ]
    ).check()
    return .milliseconds(try #require(Int(text.trimmingCharacters(in: .whitespacesAndNewlines))))
  }
}
