import AgentModel
import ChildProcess
import Foundation
import NetworkIsolation
import Testing

@Suite("The way of agents to the platform's services", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(2)))
struct ServicesTests {
  /// Listeners in the place of proxy and resolver.
  private func withServices(_ body: (TestInstance, AgentNetwork) async throws -> Void) async throws {
    try await TestInstance.with { instance in
      let network = try await instance.attach(0)
      var descriptors: [Int32] = []
      for port in ServicePort.allCases {
        descriptors.append(
          await Probe.listen(on: instance.isolation.plan.serviceAddress, port: port.rawValue).descriptor)
      }
      defer { for descriptor in descriptors { close(descriptor) } }
      try await body(instance, network)
    }
  }

  @Test("leads from ports 80, 443 and 53 of any address, and from nowhere else") func redirected() async throws {
    try await withServices { instance, network in
      let service = instance.isolation.plan.serviceAddress
      for host in ["9.9.9.9", "1.1.1.1", service] {
        for port: UInt16 in [80, 443, 53] {
          #expect(await Probe.connects(from: network.namespacePath, to: host, port: port), "\(host):\(port)")
        }
      }
      // Ports that no redirection names, the services' own among them.
      for port: UInt16 in [22, 8080, 8443] + ServicePort.allCases.map(\.rawValue) {
        #expect(await !Probe.connects(from: network.namespacePath, to: service, port: port), "\(port)")
        #expect(await !Probe.connects(from: network.namespacePath, to: "9.9.9.9", port: port), "\(port)")
      }
      // Ranges that no policy opens, and other addresses of the platform's own range.
      for host in ["169.254.169.254", "192.0.2.7", network.hostAddress, "10.1.2.3"] {
        for port: UInt16 in [80, 443, 53] {
          #expect(await !Probe.connects(from: network.namespacePath, to: host, port: port), "\(host):\(port)")
        }
      }
    }
  }

  @Test("is narrow: one agent cannot take all connections, and not drown the resolver") func flood() async throws {
    try await withServices { instance, network in
      let before = try await instance.count("flood")
      for _ in 0..<600 { await Probe.send(from: network.namespacePath, to: "9.9.9.9", port: 53) }
      #expect(try await instance.count("flood") > before)
      // TCP is counted apart.
      #expect(await Probe.connects(from: network.namespacePath, to: "9.9.9.9", port: 443))
    }
  }

  /// Whether a process of this user gets a connection.
  private func connects(as user: UInt32, to host: String, port: UInt16) async throws -> Bool {
    let script = """
      import socket, sys
      peer = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET); peer.settimeout(1)
      try: peer.connect((sys.argv[1], int(sys.argv[2])))
      except OSError: sys.exit(1)
      """
    return try await Command(
      "setpriv", ["--reuid=\(user)", "--regid=\(user)", "--clear-groups", "python3", "-c", script, host, "\(port)"]
    ).run().status == .exited(0)
  }

  @Test("ends at the proxy: its own user reaches agents' ports, and no private address that a name could lead to")
  func proxy() async throws {
    try await TestInstance.with { instance in
      let network = try await instance.attach(0)
      let proxy = instance.layout.proxyUserID
      let agent = await Probe.listen(in: network.namespacePath, port: 8080)
      defer { close(agent.descriptor) }
      #expect(try await connects(as: proxy, to: network.agentAddress, port: 8080))
      #expect(try await !connects(as: 0, to: network.agentAddress, port: 8080))
      #expect(try await !connects(as: proxy + 1, to: network.agentAddress, port: 8080))

      try await withInterface(address: "192.0.2.202") { _ in
        let listener = await Probe.listen(port: 443)
        defer { close(listener.descriptor) }
        for host in ["127.0.0.1", "192.0.2.202", instance.isolation.plan.serviceAddress] {
          let before = try await instance.count("upstream")
          #expect(try await connects(as: 0, to: host, port: 443), "\(host): the probe does not work")
          #expect(try await !connects(as: proxy, to: host, port: 443), "\(host)")
          #expect(try await instance.count("upstream") > before, "\(host)")
        }
        // Not to other ports either, wherever they are.
        let before = try await instance.count("upstream")
        #expect(try await !connects(as: proxy, to: "9.9.9.9", port: 8443))
        #expect(try await instance.count("upstream") > before)
      }
    }
  }
}
