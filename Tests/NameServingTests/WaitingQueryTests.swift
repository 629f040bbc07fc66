import AgentModel
import Glibc
import NameResolution
import Synchronization
import TestSupport
import Testing

@testable import NameServing

/// Names that a test changes while the server runs.
private final class ChangingNames: NameSource {
  private let granted = Mutex<[IPv4Address: NameGrant?]>([:])

  func set(_ grant: NameGrant?, for source: String) throws {
    let address: IPv4Address = try parsed(source)
    granted.withLock { $0[address] = .some(grant) }
  }

  func update(_ resolver: inout Resolver, now: Int64, isUrgent: Bool) -> Bool {
    let changes = granted.withLock { granted in
      defer { granted = [:] }
      return granted
    }
    for (source, grant) in changes { resolver.set(grant, for: source) }
    return !changes.isEmpty
  }
}

@Suite("A query of somebody unknown") struct WaitingQueryTests {
  private let names = ChangingNames()

  private func serve(patience: Duration, waitingPerSender: Int = 8, _ body: (UInt16) throws -> Void) throws {
    var limits = ResolverServer.Limits()
    limits.patience = patience
    limits.waitingPerSender = waitingPerSender
    let server = try ResolverServer.open(address: try parsed("127.0.0.1"), port: 0, names: names, limits: limits)
    server.start()
    defer { server.stop() }
    try body(server.port)
  }

  private func grant(_ address: String?) throws -> NameGrant {
    let host: HostPattern = try parsed("api.example.com")
    return NameGrant(names: AllowedNames(egress: [EgressAllowance(host: host)]), address: try address.map(parsed))
  }

  @Test("waits over UDP until he is somebody, and is answered then") func becomesKnown() throws {
    try serve(patience: .seconds(60)) { port in
      let (agent, other) = try (
        TestSocket(SOCK_DGRAM, from: "127.0.0.2", to: port), TestSocket(SOCK_DGRAM, from: "127.0.0.3", to: port)
      )
      agent.send(query("api.example.com", id: 1))
      agent.send(query("evil.example.net", id: 2))
      // Answered at once, so that the others have been read before somebody is made known.
      try names.set(grant("10.0.0.9"), for: "127.0.0.3")
      other.send(query("api.example.com", id: 3))
      #expect(code(other.receive()) == 0)
      try names.set(grant("10.0.0.8"), for: "127.0.0.2")
      let first = agent.receive()
      #expect(id(first) == 1 && code(first) == 0 && first?.suffix(4) == [10, 0, 0, 8])
      let second = agent.receive()
      #expect(id(second) == 2 && code(second) == 3)
    }
  }

  @Test("is refused when he stays unknown, at once when he has many that wait, and over TCP") func staysUnknown() throws
  {
    try serve(patience: .milliseconds(400), waitingPerSender: 1) { port in
      let stranger = try TestSocket(SOCK_DGRAM, from: "127.0.0.2", to: port)
      stranger.send(query("api.example.com", id: 1))
      stranger.send(query("api.example.com", id: 2))
      let (first, second) = (stranger.receive(), stranger.receive())
      #expect(id(first) == 2 && code(first) == 5)
      #expect(id(second) == 1 && code(second) == 5)
    }
    try serve(patience: .seconds(60)) { port in
      let stream = try TestSocket(SOCK_STREAM, from: "127.0.0.2", to: port)
      stream.send(framed(query("api.example.com")))
      #expect(code(stream.receiveMessage()) == 5)
    }
  }

  @Test("is asked again later when his name has no address yet") func notReady() throws {
    try names.set(grant(nil), for: "127.0.0.2")
    try serve(patience: .zero) { port in
      let agent = try TestSocket(SOCK_DGRAM, from: "127.0.0.2", to: port)
      agent.send(query("api.example.com"))
      #expect(code(agent.receive()) == 2)
      agent.send(query("api.example.com", type: 28))
      #expect(code(agent.receive()) == 0)
      agent.send(query("evil.example.net"))
      #expect(code(agent.receive()) == 3)
    }
  }
}
