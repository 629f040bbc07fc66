import Foundation

/// Something that an agent tries on the network, the same on both sides of the stage.
struct NetworkAttack: Sendable {
  enum Means: Sendable {
    /// By the program in the sandbox: a bash command.
    case guest(@Sendable (NetworkSide) -> String)
    /// By a raw packet on the sandbox's own wire, past gVisor.
    case injected(@Sendable (NetworkSide) -> Packet)
  }

  let name: String
  let means: Means
  /// Recognises the attack's packets as they leave the sandbox.
  let isSent: @Sendable (Sighting, NetworkSide) -> Bool
  /// What a witness at the destination has seen of it; `nil` for nothing.
  let arrival: @Sendable (NetworkSide, WitnessWorld) -> String?

  /// Makes all attacks on both sides at the same time and asks the witnesses.
  static func trials(_ attacks: [NetworkAttack], on stage: NetworkStage) async throws -> [Trial] {
    async let bare: Void = make(attacks, on: stage.withoutControl)
    async let real: Void = make(attacks, on: stage.withControl)
    _ = try await (bare, real)
    // The control experiment tells how long arriving takes; the platform's side gets as long, and half a second.
    for _ in 0..<40 where !attacks.allSatisfy({ $0.arrival(stage.withoutControl, stage.world) != nil }) {
      try await Task.sleep(for: .milliseconds(50))
    }
    try await Task.sleep(for: .milliseconds(500))
    return attacks.map { attack in
      Trial(
        attack.name, withoutControl: attack.outcome(stage.withoutControl, stage.world),
        withControl: attack.outcome(stage.withControl, stage.world))
    }
  }

  private static func make(_ attacks: [NetworkAttack], on side: NetworkSide) async throws {
    let packets = attacks.compactMap { if case .injected(let packet) = $0.means { packet(side) } else { nil } }
    let commands = attacks.compactMap { if case .guest(let command) = $0.means { command(side) } else { nil } }
    // Twice, because the first packet of a kind may be lost while the kernel asks for the neighbour's address.
    for _ in 0..<2 {
      try side.injector.send(packets)
      try await Task.sleep(for: .milliseconds(100))
    }
    guard !commands.isEmpty else { return }
    let script = commands.map { "(\($0)) >/dev/null 2>&1 &" }.joined(separator: "\n") + "\nwait; echo tried"
    _ = try await side.target.run(script, .seconds(12))
  }

  private func outcome(_ side: NetworkSide, _ world: WitnessWorld) -> AttackOutcome {
    if let seen = arrival(side, world) { return .succeeded(seen) }
    let count = side.sent.count { isSent($0, side) }
    // A packet that never left the sandbox says nothing about what is round it.
    guard count > 0 else { return .unknown("no such packet left \(side.target.name)") }
    return .prevented("\(count) packet\(count == 1 ? "" : "s") left \(side.target.name), none arrived")
  }
}

extension NetworkAttack {
  /// A packet to an address of the witness world.
  static func injected(
    _ name: String, _ payload: Packet.Payload, to destination: IPAddress,
    from source: @escaping @Sendable (NetworkSide) -> IPAddress
  ) -> NetworkAttack {
    let protocolNumber = Packet(source: destination, destination: destination, payload: payload).protocolNumber
    return NetworkAttack(
      name: name,
      means: .injected { Packet(source: source($0), destination: destination, payload: payload) },
      isSent: { $0.source == source($1) && $0.destination == destination && $0.protocolNumber == protocolNumber },
      arrival: { side, world in
        world.arrivals.sightings {
          $0.source == source(side) && $0.destination == destination && $0.protocolNumber == protocolNumber
        }.first.map { "the witness world got \($0)" }
      })
  }

  /// A connection of the program in the sandbox to an address of the witness world.
  static func connection(to destination: IPAddress, port: UInt16) -> NetworkAttack {
    sent(
      "connect to \(destination) port \(port)", by: "timeout 2 bash -c 'cat < /dev/tcp/\(destination)/\(port)'",
      to: destination, port: port, protocolNumber: 6)
  }

  /// A datagram of the program in the sandbox to an address of the witness world.
  static func datagram(to destination: IPAddress, port: UInt16) -> NetworkAttack {
    sent(
      "send UDP to \(destination) port \(port)", by: "echo probe > /dev/udp/\(destination)/\(port)", to: destination,
      port: port, protocolNumber: 17)
  }

  private static func sent(
    _ name: String, by script: String, to destination: IPAddress, port: UInt16, protocolNumber: UInt8
  ) -> NetworkAttack {
    NetworkAttack(
      name: name,
      means: .guest { _ in script },
      isSent: { sighting, _ in
        sighting.destination == destination && sighting.protocolNumber == protocolNumber && sighting.port == port
      },
      arrival: { side, world in
        world.arrivals.sightings {
          $0.source == side.target.network.address && $0.destination == destination
            && $0.protocolNumber == protocolNumber && $0.port == port
        }.first.map { "the witness world got \($0)" }
      })
  }

  /// A packet to the neighbour.
  static func injectedAtNeighbour(
    _ name: String, _ payload: Packet.Payload,
    from source: @escaping @Sendable (NetworkSide) -> IPAddress = { $0.target.network.address }
  ) -> NetworkAttack {
    let fits: @Sendable (Sighting, NetworkSide) -> Bool = { sighting, side in
      let packet = Packet(source: source(side), destination: side.neighbour.address, payload: payload)
      return sighting.source == packet.source && sighting.destination == packet.destination
        && sighting.protocolNumber == packet.protocolNumber
    }
    return NetworkAttack(
      name: name,
      means: .injected { Packet(source: source($0), destination: $0.neighbour.address, payload: payload) },
      isSent: fits,
      arrival: { side, _ in
        side.atNeighbour.sightings { fits($0, side) }.first.map { "the neighbour's interface got \($0)" }
      })
  }

  /// A datagram to the host, which a socket of the host reads.
  static func injectedAtHost(
    _ name: String, to destination: @escaping @Sendable (NetworkSide) -> IPAddress,
    from source: @escaping @Sendable (NetworkSide) -> IPAddress = { $0.target.network.address }
  ) -> NetworkAttack {
    NetworkAttack(
      name: name,
      means: .injected {
        Packet(
          source: source($0), destination: destination($0), payload: .udp(port: $0.atHost.port, Array(name.utf8)))
      },
      isSent: { $0.destination == destination($1) && $0.protocolNumber == 17 && $0.port == $1.atHost.port },
      arrival: { side, _ in
        // A listener keeps the first 24 bytes of a datagram.
        let key = "udp \(source(side)) \(String(decoding: Array(name.utf8).prefix(24), as: UTF8.self))"
        return side.atHost.arrivals[key].map { "a socket of the host got \($0) from \(source(side))" }
      })
  }
}
