import Foundation
import Glibc
import NameResolution
import NameServing
import Synchronization
import TestSupport
import Testing

@Suite("The resolver under attack", .serialized, .timeLimit(.minutes(2))) struct ResolverLoadTests {
  @Test("answers queries on one connection in their order, however they are cut") func pipelined() async throws {
    try await TestResolver.with { resolver in
      let agent = try TestSocket(SOCK_STREAM, from: "127.0.0.2", to: resolver.server.port)
      let many = (0..<200).flatMap { framed(query("a\($0).example.org", id: UInt16($0))) }
      agent.send(many)
      for number in 0..<200 { #expect(id(agent.receiveMessage()) == UInt16(number)) }
      for byte in framed(query("api.example.com", id: 999)) { agent.send([byte]) }
      #expect(id(agent.receiveMessage()) == 999)
      agent.send(
        framed(query("api.example.com", id: 1000)) + framed([0, 1]) + framed(query("api.example.com", id: 1001)))
      agent.endSending()
      #expect(id(agent.receiveMessage()) == 1000)
      #expect(id(agent.receiveMessage()) == 1001)
      #expect(agent.receive() == [])
    }
  }

  @Test("ends a connection that announces more than any query has") func oversized() async throws {
    try await TestResolver.with { resolver in
      let agent = try TestSocket(SOCK_STREAM, from: "127.0.0.2", to: resolver.server.port)
      agent.send([0xff, 0xff, 0, 0])
      #expect(agent.receive() == [])
      let datagram = try TestSocket(SOCK_DGRAM, from: "127.0.0.2", to: resolver.server.port)
      datagram.send(query("api.example.com") + [UInt8](repeating: 0, count: 60_000))
      #expect(code(datagram.receive()) == 1)
      let contents = try await resolver.drain()
      #expect(contents.outcomes[.malformed] == 2 && contents.closed == 1)
    }
  }

  @Test("waits for nobody who trickles, idles, or does not read") func slow() async throws {
    var limits = ResolverServer.Limits()
    limits.stalled = .milliseconds(600)
    limits.idle = .milliseconds(1_200)
    limits.rate = 100_000
    limits.burst = 1_000_000
    try await TestResolver.with(limits: limits) { resolver in
      let trickling = try TestSocket(SOCK_STREAM, from: "127.0.0.2", to: resolver.server.port)
      let idling = try TestSocket(SOCK_STREAM, from: "127.0.0.2", to: resolver.server.port)
      let deaf = try TestSocket(SOCK_STREAM, from: "127.0.0.2", to: resolver.server.port)
      let batch = (0..<500).flatMap { _ in framed(query("api.example.com")) }
      // Until neither the kernel nor the resolver takes any more.
      var (accepted, refusals) = (0, 0)
      while refusals < 100, accepted < 100 << 20 {
        let count = deaf.send(batch, flags: Int32(MSG_DONTWAIT))
        accepted += max(0, count)
        refusals = count > 0 ? 0 : refusals + 1
        if count <= 0 { try await Task.sleep(for: .milliseconds(1)) }
      }
      #expect(accepted < 100 << 20)
      let start = ContinuousClock.now
      var isOpen = true
      for byte in framed(query("api.example.com")).prefix(20) where isOpen {
        isOpen = trickling.send([byte]) == 1
        try await Task.sleep(for: .milliseconds(100))
      }
      #expect(trickling.receive() == [])
      #expect(ContinuousClock.now - start < .seconds(3))
      #expect(idling.receive() == [])
      let patient = try TestSocket(SOCK_STREAM, from: "127.0.0.3", to: resolver.server.port)
      patient.send(framed(query("api.example.com")))
      #expect(code(patient.receiveMessage()) == 0)
      var closed = 0
      for _ in 0..<40 where closed < 3 { closed += try await resolver.drain().closed }
      #expect(closed == 3)
    }
  }

  @Test("keeps one agent's connections from being all there are") func connections() async throws {
    var limits = ResolverServer.Limits()
    limits.connectionsPerSender = 4
    limits.connections = 6
    try await TestResolver.with(limits: limits) { resolver in
      let greedy = try (0..<20).map { _ in try TestSocket(SOCK_STREAM, from: "127.0.0.2", to: resolver.server.port) }
      try await Task.sleep(for: .milliseconds(100))
      #expect(greedy.dropFirst(4).allSatisfy { $0.receive() == [] })
      let others = try (0..<4).map { _ in try TestSocket(SOCK_STREAM, from: "127.0.0.3", to: resolver.server.port) }
      for other in others {
        other.send(framed(query("api.example.com")))
        #expect(code(other.receiveMessage()) == 0)
      }
      // Two of those that waited longest made room.
      let left = greedy.prefix(4).filter {
        $0.send(framed(query("api.example.com")))
        return code($0.receiveMessage()) == 0
      }
      #expect(left.count == 2)
    }
  }

  @Test("lets no agent's flood cost another its answers") func flood() async throws {
    try await TestResolver.with { resolver in
      let isOver = Mutex(false)
      let sent = Mutex(0)
      let flooding = try TestSocket(SOCK_DGRAM, from: "127.0.0.2", to: resolver.server.port)
      let thread = Thread {
        var count = 0
        while !isOver.withLock({ $0 }) {
          for number in 0..<64 { flooding.send(query("x\(count + number).example.net"), flags: Int32(MSG_DONTWAIT)) }
          count += 64
        }
        sent.withLock { $0 = count }
      }
      thread.start()
      try await Task.sleep(for: .milliseconds(300))
      let agent = try TestSocket(SOCK_DGRAM, from: "127.0.0.3", to: resolver.server.port)
      var slowest = Duration.zero
      var answered = 0
      for number in 0..<200 {
        let start = ContinuousClock.now
        agent.send(query("api.example.com", id: UInt16(number)))
        if id(agent.receive()) == UInt16(number) { answered += 1 }
        slowest = max(slowest, ContinuousClock.now - start)
      }
      isOver.withLock { $0 = true }
      #expect(answered == 200)
      #expect(slowest < .milliseconds(500))
      let contents = try await resolver.drain()
      #expect(contents.limited > 1_000)
      #expect(contents.outcomes[.answered] == 200)
      #expect(contents.attempts.attempts.count == AttemptWindow.longestPerAgent)
      let told = contents.attempts.attempts.reduce(0) { $0 + $1.count }
      let seen = told + contents.attempts.untold.values.reduce(0, +)
      #expect(contents.attempts.untold.keys.map { $0 } == ["127.0.0.2"])
      print("flood: sent \(sent.withLock { $0 }), seen \(seen), limited \(contents.limited), slowest \(slowest)")
    }
  }

  @Test("ends a connection that asks faster than it may") func limitedConnection() async throws {
    var limits = ResolverServer.Limits()
    limits.rate = 1
    limits.burst = 10
    try await TestResolver.with(limits: limits) { resolver in
      let agent = try TestSocket(SOCK_STREAM, from: "127.0.0.2", to: resolver.server.port)
      agent.send((0..<50).flatMap { framed(query("api.example.com", id: UInt16($0))) })
      while agent.receiveMessage() != nil {}
      let other = try TestSocket(SOCK_STREAM, from: "127.0.0.3", to: resolver.server.port)
      other.send(framed(query("api.example.com")))
      #expect(code(other.receiveMessage()) == 0)
      let contents = try await resolver.drain()
      #expect(contents.limited == 1 && contents.closed == 1 && contents.attempts.untold == ["127.0.0.2": 1])
    }
  }
}
