import APIClient
import APIModel
import AgentModel
import ChildProcess
import Faults
import Foundation
import NetworkIsolation

/// NET: what an agent cannot reach, and what cannot reach an agent.
struct NetworkChecks: Sendable {
  let fixtures: Fixtures

  private var counters: FirewallCounters { FirewallCounters(layout: fixtures.site.platform) }

  var all: [Check] {
    [
      Check(
        "NET-1", layer: "network", title: "nothing reaches an agent but the gateway path", body: inbound),
      Check(
        "NET-2", layer: "network", title: "agents cannot reach one another",
        body: { try await attack(neighbourAttacks) }),
      Check(
        "NET-4", layer: "network",
        title: "private, link-local, metadata, multicast and host addresses are closed, also behind a name",
        deadline: .seconds(90),
        body: {
          try await attack(try addressAttacks()) { try await ProxyReach(fixtures: fixtures).trials() }
        }),
      Check(
        "NET-6", layer: "network", title: "IPv6, UDP, ICMP and raw packets are as closed as TCP",
        body: { try await attack(try protocolAttacks()) }),
      Check(
        "NET-7", layer: "network", title: "packets with a forged sender are dropped",
        body: { try await attack(try forgeries()) }),
    ]
  }

  // MARK: From an agent

  private func attack(
    _ attacks: [NetworkAttack], and more: @Sendable () async throws -> [Trial] = { [] }
  ) async throws -> Finding {
    let stage = try await fixtures.stage.value
    let start = Date()
    let before = try await counters.total()
    async let others = more()
    var finding = Finding(try await NetworkAttack.trials(attacks, on: stage) + others)
    let after = try await counters.total()
    if finding.verdict == .proven {
      guard after > before else {
        return Finding(.failed, evidence: ["the platform's firewall counted no dropped packet"])
      }
      finding.evidence.append("the platform's firewall counted \(after - before) more dropped packets meanwhile")
    }
    finding.detected = await detection(of: stage.withControl.target, since: start)
    return finding
  }

  private var neighbourAttacks: [NetworkAttack] {
    [
      Self.dialNeighbour(ProbeProgram.port, name: "connect to the neighbour's server"),
      .injectedAtNeighbour("inject a TCP SYN to the neighbour", .tcpSynchronize(port: 8081)),
    ]
      + ([80, 443] + ServicePort.allCases.map(\.rawValue)).map {
        Self.dialNeighbour($0, name: "connect to port \($0) of the neighbour")
      } + [
        .injectedAtNeighbour("inject UDP to the neighbour", .udp(port: 53, [0])),
        .injectedAtNeighbour("inject a ping to the neighbour", .echoRequest),
        .injectedAtNeighbour("inject an unknown protocol to the neighbour", .experimental),
      ]
  }

  /// Also to the ports that lead to the proxy elsewhere.
  private static func dialNeighbour(_ port: UInt16, name: String) -> NetworkAttack {
    NetworkAttack(
      name: name,
      means: .guest { "timeout 2 bash -c 'cat < /dev/tcp/\($0.neighbour.address)/\(port)'" },
      isSent: { $0.destination == $1.neighbour.address && $0.protocolNumber == 6 && $0.port == port },
      arrival: { side, _ in
        side.atNeighbour.sightings {
          $0.source == side.target.network.address && $0.protocolNumber == 6 && $0.port == port
        }.first.map { "the neighbour's interface got \($0)" }
      })
  }

  private func addressAttacks() throws -> [NetworkAttack] {
    let destinations =
      try ["10.255.255.1", "172.31.255.1", "192.168.255.1", "100.127.255.1", "169.254.169.254"]
      .map(address) + [try address("169.254.7.7"), try address("9.9.9.9")]
    var attacks: [NetworkAttack] = []
    for destination in destinations {
      attacks.append(.connection(to: destination, port: 80))
      attacks.append(
        .injected("inject UDP to \(destination)", .udp(port: 53, [0]), to: destination) {
          $0.target.network.address
        })
    }
    let allHosts = try address("224.0.0.1")
    let broadcast = try address("255.255.255.255")
    attacks += [
      .injectedAtHost("all hosts: inject multicast", to: { _ in allHosts }),
      .injectedAtHost("broadcast: inject it", to: { _ in broadcast }),
      .injectedAtHost("the host: inject UDP", to: { $0.target.network.hostAddress }),
      NetworkAttack(
        name: "connect to the host",
        means: .guest { "timeout 2 bash -c 'cat < /dev/tcp/\($0.target.network.hostAddress)/\($0.atHost.port)'" },
        isSent: {
          $0.destination == $1.target.network.hostAddress && $0.protocolNumber == 6 && $0.port == $1.atHost.port
        },
        arrival: { side, _ in
          side.atHost.arrivals["tcp \(side.target.network.address)"].map { "a socket of the host took \($0)" }
        }),
      NetworkAttack(
        name: "ping the host",
        means: .injected {
          Packet(
            source: $0.target.network.address, destination: $0.target.network.hostAddress, payload: .echoRequest)
        },
        isSent: { $0.destination == $1.target.network.hostAddress && $0.protocolNumber == 1 },
        arrival: { side, _ in
          side.received.sightings { $0.source == side.target.network.hostAddress && $0.protocolNumber == 1 }
            .first.map { "the host answered: \($0)" }
        }),
    ]
    return attacks
  }

  private func protocolAttacks() throws -> [NetworkAttack] {
    let far = try address("198.51.100.6")
    let far6 = try address("2001:db8::6")
    let agent6 = try address("fd4c:6f62:ffff::2")
    let linkLocal = try address("fe80::4c6f:62")
    let allNodes = try address("ff02::1")
    let own: @Sendable (NetworkSide) -> IPAddress = { $0.target.network.address }
    let own6: @Sendable (NetworkSide) -> IPAddress = { side in
      IPAddress(bytes: agent6.bytes.dropLast() + [side.mark]) ?? agent6
    }
    return [
      .connection(to: far, port: 443), .datagram(to: far, port: 443), .datagram(to: far, port: 53),
      .injected("inject a TCP SYN", .tcpSynchronize(port: 8443), to: far, from: own),
      .injected("inject UDP (QUIC)", .udp(port: 8443, [0xc0]), to: far, from: own),
      .injected("inject a ping", .echoRequest, to: far, from: own),
      .injected("inject an unknown protocol", .experimental, to: far, from: own),
      .injected("inject an IPv6 TCP SYN", .tcpSynchronize(port: 443), to: far6, from: own6),
      .injected("inject IPv6 UDP", .udp(port: 443, [0xc0]), to: far6, from: own6),
      .injected("inject an IPv6 ping", .echoRequest, to: far6, from: own6),
      .injected("inject an unknown protocol over IPv6", .experimental, to: far6, from: own6),
      .injectedAtHost("IPv6 all nodes: inject it", to: { _ in allNodes }, from: { _ in linkLocal }),
    ]
  }

  private func forgeries() throws -> [NetworkAttack] {
    let far = try address("198.51.100.7")
    let strangers = try [address("203.0.113.77"), address("8.8.8.8")]
    let forged: (Int) -> @Sendable (NetworkSide) -> IPAddress = { number in
      { side in IPAddress(bytes: strangers[number].bytes.dropLast() + [100 + side.mark]) ?? strangers[number] }
    }
    let neighbour: @Sendable (NetworkSide) -> IPAddress = { $0.neighbour.address }
    return [
      .injected("forge a stranger's address, UDP", .udp(port: 7, [0]), to: far, from: forged(0)),
      .injected("forge a stranger's address, TCP", .tcpSynchronize(port: 443), to: far, from: forged(1)),
      .injected("forge the neighbour's address", .udp(port: 7, [0]), to: far, from: neighbour),
      .injectedAtNeighbour("forge a stranger's address to the neighbour", .udp(port: 7, [0]), from: forged(0)),
      .injectedAtHost(
        "forged: inject UDP", to: { $0.target.network.hostAddress }, from: forged(0)),
    ]
  }

  // MARK: To an agent

  private func inbound() async throws -> Finding {
    let stage = try await fixtures.stage.value
    // The other agent: the proxy itself sends packets to the first one's port while other checks call it.
    let (second, atSecond) = (try await fixtures.second.value, stage.withControl.atNeighbour)
    let (open, atOpen) = (stage.withoutControl.target, stage.withoutControl.received)
    let before = try await counters.total()
    let places = [("the host", nil), ("another network namespace", stage.world.network.namespace)]
    var trials: [Trial] = []
    for (place, namespace) in places {
      trials.append(
        try await Trial.run(
          "fetch the agent's page from \(place)",
          withoutControl: { try await fetch(from: open, in: namespace, seenBy: atOpen) },
          withControl: { try await fetch(from: second, in: namespace, seenBy: atSecond) }))
    }
    trials += try await GatewayChecks(fixtures: fixtures).ways()
    var finding = Finding(trials)
    let after = try await counters.total()
    if finding.verdict == .proven {
      guard after > before else {
        return Finding(.failed, evidence: ["the platform's firewall counted no dropped packet"])
      }
      finding.evidence.append("the platform's firewall counted \(after - before) more dropped packets meanwhile")
    }
    return finding
  }

  private func fetch(
    from target: Target, in namespace: String?, seenBy witness: Sniffer
  ) async throws -> AttackOutcome {
    let port = ProbeProgram.port
    let isHit: (Sighting) -> Bool = { $0.destination == target.network.address && $0.port == port }
    let seen = witness.count(where: isHit)
    let script =
      "exec 3<>/dev/tcp/\(target.network.address)/\(port) && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3"
    let prefix = namespace.map { ["ip", "netns", "exec", $0] } ?? []
    let words = prefix + ["timeout", "2", "bash", "-c", script]
    let result = try await Command(words[0], Array(words.dropFirst())).run(timeout: .seconds(6))
    if result.standardOutput.contains(target.canary) { return .succeeded("the page came back") }
    let arrived = witness.count(where: isHit) - seen
    if arrived > 0 { return .succeeded("\(arrived) packets reached the sandbox's interface") }
    // The program's own server answers on its loopback, so it is not for want of a server that nothing came.
    let own = try await target.run(
      "exec 3<>/dev/tcp/127.0.0.1/\(port) && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3")
    guard own.output.contains(target.canary) else {
      return .unknown("the server in \(target.name) does not answer itself")
    }
    return .prevented("no connection (exit code \(result.status.code)), no packet reached the sandbox's interface")
  }

  // MARK: The platform's own witnesses

  /// The first denial of the agent's packets that the platform reported; waits as long as its reports take.
  private func detection(of target: Target, since start: Date) async -> CheckReport.Detection? {
    for _ in 0..<15 {
      // A platform that cannot tell has detected nothing, which is what the report then says.
      let page = try? await fixtures.agents.value.client.denials(limit: 100)
      let denials = (page?.items ?? []).filter { "agent \($0.agent?.description ?? "")" == target.name }
      if let first = denials.filter({ $0.time >= start }).min(by: { $0.time < $1.time }) {
        return CheckReport.Detection(
          rule: first.rule, latencyMs: max(0, Int(first.time.timeIntervalSince(start) * 1000)))
      }
      do { try await Task.sleep(for: .milliseconds(200)) } catch { return nil }
    }
    return nil
  }

  private func address(_ text: String) throws -> IPAddress {
    guard let address = IPAddress(text) else { throw NotTestable("'\(text)' is no address") }
    return address
  }
}
