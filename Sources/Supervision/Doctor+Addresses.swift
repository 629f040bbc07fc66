import AgentModel
import ChildProcess

extension Doctor {
  /// The /16 that the instance takes its agents' addresses from must not be in use by anything else.
  func addressPlan() async -> Finding {
    let plan = layout.addressPlan
    let routes: String
    do {
      routes = try await Command("ip", ["-4", "route", "show", "table", "all"]).check(timeout: .seconds(5))
    } catch {
      return .fail("addresses", "the routes cannot be read: \(error)", remedy: "install the package iproute2")
    }
    if let conflict = Self.conflict(routes: routes, plan: plan, ownInterfaces: layout.interfacePrefix) {
      return .fail(
        "addresses", "\(plan) overlaps the route '\(conflict)'",
        remedy: "choose another --instance name: the addresses follow from it")
    }
    return .ok("addresses", "\(plan) is free for agents")
  }

  /// - Parameter routes: lines of `ip -4 route show table all`.
  /// - Returns: the first route inside or around `plan` that is not one of the instance's own interfaces.
  static func conflict(routes: String, plan: AddressRange, ownInterfaces prefix: String) -> String? {
    let kinds = ["local", "broadcast", "unicast", "blackhole", "unreachable", "prohibit", "throw", "multicast"]
    for line in routes.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard let destination = words.first(where: { !kinds.contains(String($0)) }), destination != "default",
        let range = AddressRange(String(destination)), range.overlaps(plan)
      else { continue }
      if let device = words.firstIndex(of: "dev"), device + 1 < words.count, words[device + 1].hasPrefix(prefix) {
        continue
      }
      return line.trimmingSuffix(while: \.isWhitespace)
    }
    return nil
  }
}

/// A range of IPv4 addresses in CIDR notation.
struct AddressRange: Hashable, Sendable, CustomStringConvertible {
  let first: UInt32
  let length: Int

  init(first: UInt32, length: Int) {
    self.length = length
    self.first = length == 0 ? 0 : first & (UInt32.max << UInt32(32 - length))
  }

  /// - Parameter text: `10.64.0.0/16`, or one address.
  init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    let octets = parts[0].split(separator: ".", omittingEmptySubsequences: false).compactMap { UInt8($0) }
    guard octets.count == 4, parts.count <= 2 else { return nil }
    let length = parts.count == 2 ? Int(parts[1]) : 32
    guard let length, (0...32).contains(length) else { return nil }
    self.init(first: octets.reduce(0) { $0 << 8 | UInt32($1) }, length: length)
  }

  /// Of two ranges in CIDR notation, either one holds the other or they are apart.
  func overlaps(_ other: AddressRange) -> Bool {
    let shorter = min(length, other.length)
    return AddressRange(first: first, length: shorter) == AddressRange(first: other.first, length: shorter)
  }

  var description: String {
    [24, 16, 8, 0].map { "\(first >> UInt32($0) & 0xff)" }.joined(separator: ".") + "/\(length)"
  }
}

extension InstanceLayout {
  var addressPlan: AddressRange {
    AddressRange(first: 10 << 24 | UInt32(64 + Int(number) % 128) << 16, length: 16)
  }

  /// What the names of the host's ends of the agents' veth pairs begin with.
  var interfacePrefix: String {
    let digits = String(number, radix: 16)
    return "lb" + String(repeating: "0", count: 4 - digits.count) + digits + "-"
  }
}

extension Substring {
  fileprivate func trimmingSuffix(while isTrimmed: (Character) -> Bool) -> String {
    var text = self
    while let last = text.last, isTrimmed(last) { text.removeLast() }
    return String(text)
  }
}
