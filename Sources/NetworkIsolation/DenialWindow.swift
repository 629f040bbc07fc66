/// Dropped packets that are alike, counted together.
package struct Denial: Hashable, Sendable {
  /// What makes two dropped packets alike.
  package struct Key: Hashable, Sendable {
    package var interface: String?
    package var rule: String
    package var `protocol`: String
    package var source: String
    package var destination: String
    package var port: UInt16?

    package init(
      interface: String?, rule: String, protocol: String, source: String, destination: String, port: UInt16?
    ) {
      self.interface = interface
      self.rule = rule
      self.protocol = `protocol`
      self.source = source
      self.destination = destination
      self.port = port
    }
  }

  package var key: Key
  /// When the first of them came, nanoseconds since 1970.
  package var firstSeen: Int64
  package var count: Int

  package init(key: Key, firstSeen: Int64, count: Int) {
    self.key = key
    self.firstSeen = firstSeen
    self.count = count
  }
}

/// Gathers dropped packets between two drains, in bounded room: what an agent sends cannot fill the memory.
package struct DenialWindow: Sendable {
  /// Kinds of packets that are told apart between two drains; more are only counted.
  package static let longest = 1_000

  /// Everything since the last drain.
  package struct Contents: Hashable, Sendable {
    /// In the order of their first packets.
    package var denials: [Denial] = []
    /// Packets of kinds that had no room.
    package var overflow = 0
    /// Events that the kernel made and that never came, told by gaps in its numbers.
    package var lost = 0
    /// How often the kernel told that the socket's buffer was full.
    package var overruns = 0

    package init() {}
  }

  private var contents = Contents()
  private var places: [Denial.Key: Int] = [:]
  private var lastSequence: UInt32?

  package init() {}

  /// - Parameters:
  ///   - packet: the dropped packet.
  ///   - interface: the name behind the packet's interface number, if it still has one.
  ///   - time: nanoseconds since 1970.
  package mutating func add(_ packet: DeniedPacket, interface: String?, time: Int64) {
    if let sequence = packet.sequence {
      if let lastSequence, sequence != lastSequence &+ 1 {
        let gap = sequence &- lastSequence &- 1
        // A number that went back is no gap: the group was bound anew.
        if gap < 1 << 31 { contents.lost += Int(gap) }
      }
      lastSequence = sequence
    }
    let key = Denial.Key(
      interface: interface, rule: packet.rule, protocol: packet.protocol, source: packet.source,
      destination: packet.destination, port: packet.port)
    if let place = places[key] {
      contents.denials[place].count += 1
    } else if contents.denials.count < Self.longest {
      places[key] = contents.denials.count
      contents.denials.append(Denial(key: key, firstSeen: time, count: 1))
    } else {
      contents.overflow += 1
    }
  }

  package mutating func addOverrun() { contents.overruns += 1 }

  package mutating func drain() -> Contents {
    defer {
      contents = Contents()
      places = [:]
    }
    return contents
  }
}
