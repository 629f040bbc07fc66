import AgentModel
import Testing

/// Runs packets through the text of an nft table, statement by statement. A statement that it does not know is an
/// error, so that no rule is passed over.
struct CompiledFirewall {
  struct Packet {
    var source = "0.0.0.0"
    var destination: String
    var port: UInt16
    var transport: String
    /// The interface that it came from; `nil` for one of this machine's processes.
    var incoming: String?
    var outgoing: String?
    var user: UInt32 = 0
    /// Set by the table.
    var isRedirected = false

    var isIPv6: Bool { destination.contains(":") }
  }

  struct Unknown: Error { var statement: String }
  private enum Verdict { case accept, drop, goOn, goTo(String) }

  private var chains: [String: [[String]]] = [:]
  private var sets: [String: [String]] = [:]
  private let local: Set<String>

  /// - Parameter local: The machine's own addresses.
  init(_ text: String, local: Set<String>) {
    self.local = local
    var (chain, set): (String?, String?) = (nil, nil)
    for line in text.split(separator: "\n") {
      let words = Self.words(line)
      switch (words.first, words.count) {
      case ("chain", _): (chain, set) = (words[1], nil)
      case ("set", _): (chain, set) = (nil, words[1])
      case ("elements", _): sets[set ?? ""] = Self.list(words[2])
      case ("type", _), ("}", _), (nil, _): break
      default: if let chain { chains[chain, default: []].append(words) }
      }
    }
  }

  /// Where the packet comes to; `nil` when it is dropped.
  func delivered(_ packet: Packet) throws -> Packet? {
    var packet = packet
    if packet.incoming != nil {
      for chain in ["source", "to_services", "destination"] where try !passes(chain, &packet) { return nil }
      let isLocal = local.contains(packet.destination)
      return try passes(isLocal ? "input" : "forward", &packet) ? packet : nil
    }
    return try passes("output", &packet) ? packet : nil
  }

  private func passes(_ chain: String, _ packet: inout Packet) throws -> Bool {
    let rules = try #require(chains[chain], "no chain \(chain)")
    for rule in rules {
      switch try run(rule[...], &packet) {
      case .accept: return true
      case .drop: return false
      case .goOn: continue
      case .goTo(let next): return try passes(next, &packet)
      }
    }
    return true
  }

  /// The verdict of a rule; `goOn` when one of its conditions does not hold.
  private func run(_ rule: ArraySlice<String>, _ packet: inout Packet) throws -> Verdict {
    var rest = rule
    while let word = rest.first {
      let two = rest.prefix(2).joined(separator: " ")
      switch word {
      case "accept", "return": return .accept
      case "drop", "reject": return .drop
      case "goto": return .goTo(rest[rest.startIndex + 1])
      case "counter": rest = rest.dropFirst(3)
      case "log": return .goOn
      case "add", "update":
        // Nobody here is over a limit; below it, the statement holds.
        if rest[rest.startIndex + 2].contains(" over ") { return .goOn }
        rest = rest.dropFirst(3)
      case "dnat":
        let key = "\(packet.transport) . \(packet.port) : "
        if !packet.isIPv6, let found = Self.list(rest.last ?? "").first(where: { $0.hasPrefix(key) }) {
          let target = found.dropFirst(key.count).components(separatedBy: " . ")
          (packet.destination, packet.port, packet.isRedirected) = (target[0], UInt16(target[1]) ?? 0, true)
        }
        return .accept
      default:
        guard let (holds, length) = try condition(word, two, rest, packet) else {
          throw Unknown(statement: rest.joined(separator: " "))
        }
        guard holds else { return .goOn }
        rest = rest.dropFirst(length)
      }
    }
    return .goOn
  }

  private func condition(
    _ word: String, _ two: String, _ rest: ArraySlice<String>, _ packet: Packet
  ) throws -> (Bool, Int)? {
    let words = Array(rest)
    /// `!= value` or `value`, and how many words it has.
    func compare(_ place: Int, _ holds: (String) -> Bool) -> (Bool, Int) {
      words[place] == "!=" ? (!holds(words[place + 1]), place + 2) : (holds(words[place]), place + 1)
    }
    if rest.prefix(4).joined(separator: " ") == "iifname . ip saddr" {
      return compare(4) { members($0).contains("\"\(packet.incoming ?? "")\" . \(packet.source)") }
    }
    switch two {
    case "ip daddr": return packet.isIPv6 ? (false, 3) : compare(2) { isIn($0, packet.destination) }
    case "ip6 daddr": return packet.isIPv6 ? compare(2) { isIn($0, packet.destination) } : (false, 3)
    case "meta nfproto": return compare(2) { $0 == (packet.isIPv6 ? "ipv6" : "ipv4") }
    case "meta l4proto": return compare(2) { members($0).contains(packet.transport) }
    case "meta skuid": return packet.incoming == nil ? compare(2) { $0 == "\(packet.user)" } : (false, 3)
    // Each packet here is the first of its connection.
    case "ct state": return compare(2) { $0 == "new" }
    case "ct status": return compare(2) { $0 == "dnat" && packet.isRedirected }
    case "tcp dport", "udp dport":
      return compare(2) { word == packet.transport && members($0).contains { Self.covers($0, packet.port) } }
    case "th dport": return compare(2) { members($0).contains { Self.covers($0, packet.port) } }
    case "fib daddr": return compare(3) { $0 == "local" && local.contains(packet.destination) }
    default: break
    }
    switch word {
    case "iifname": return compare(1) { members($0).contains("\"\(packet.incoming ?? "")\"") }
    case "oifname": return compare(1) { members($0).contains("\"\(packet.outgoing ?? "")\"") }
    default: return nil
    }
  }

  private func members(_ text: String) -> [String] {
    text.hasPrefix("@") ? sets[String(text.dropFirst())] ?? [] : Self.list(text)
  }

  private func isIn(_ text: String, _ address: String) -> Bool {
    members(text).contains { $0 == address || contains($0, address) }
  }

  private static func covers(_ range: String, _ port: UInt16) -> Bool {
    let bounds = range.split(separator: "-").compactMap { UInt16($0) }
    return bounds.first.map { ($0...(bounds.last ?? $0)).contains(port) } ?? false
  }

  /// The words of a line; what stands in braces is one.
  private static func words(_ line: Substring) -> [String] {
    var words: [String] = []
    var inBraces = false
    for word in line.split(whereSeparator: \.isWhitespace).map(String.init) {
      if inBraces { words[words.count - 1] += " \(word)" } else { words.append(word) }
      if word == "{", line.contains("}") { inBraces = true }
      if word == "}" { inBraces = false }
    }
    return words
  }

  private static func list(_ text: String) -> [String] {
    text.trimming(["{", "}", " "]).components(separatedBy: ", ")
  }
}

extension String {
  fileprivate func trimming(_ characters: Set<Character>) -> String {
    String(drop { characters.contains($0) }.reversed().drop { characters.contains($0) }.reversed())
  }

  fileprivate func components(separatedBy separator: String) -> [String] {
    split(separator: separator).map(String.init)
  }
}

extension Substring {
  fileprivate func components(separatedBy separator: String) -> [String] {
    split(separator: separator).map(String.init)
  }
}
