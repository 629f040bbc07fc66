import Glibc

/// A range of IPv4 or IPv6 addresses in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3).
package struct CIDR: Hashable, Sendable, CustomStringConvertible {
  package enum Family: Hashable, Sendable { case ipv4, ipv6 }

  package let family: Family
  /// The network's address, 4 or 16 bytes; the bits behind the prefix are zero.
  package let address: [UInt8]
  package let length: Int

  /// - Returns: `nil` unless `text` is `address/length` with no bit set behind the prefix.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    // Int() alone would take a sign.
    guard parts.count == 2, (1...3).contains(parts[1].utf8.count),
      parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let length = Int(parts[1])
    else { return nil }
    let family: Family = parts[0].contains(":") ? .ipv6 : .ipv4
    var address = [UInt8](repeating: 0, count: family == .ipv4 ? 4 : 16)
    guard inet_pton(family == .ipv4 ? AF_INET : AF_INET6, String(parts[0]), &address) == 1, length <= address.count * 8,
      Self.masked(address, length) == address
    else { return nil }
    self.family = family
    self.address = address
    self.length = length
  }

  /// - Parameters:
  ///   - ipv4: the address in host order; bits behind the prefix are dropped.
  ///   - length: of the prefix, 0 to 32.
  package init(ipv4: UInt32, length: Int) {
    family = .ipv4
    self.length = length
    address = Self.masked((0..<4).map { UInt8(truncatingIfNeeded: ipv4 >> (24 - 8 * UInt32($0))) }, length)
  }

  package var description: String { "\(addressText(address) ?? "?")/\(length)" }

  /// Whether every address of `other` is in this range. Two ranges are disjoint unless one contains the other.
  package func contains(_ other: CIDR) -> Bool {
    family == other.family && length <= other.length && Self.masked(other.address, length) == address
  }

  package func overlaps(_ other: CIDR) -> Bool { contains(other) || other.contains(self) }

  private static func masked(_ address: [UInt8], _ length: Int) -> [UInt8] {
    address.enumerated().map { index, byte in
      let bits = min(max(length - index * 8, 0), 8)
      return byte & UInt8(truncatingIfNeeded: 0xff00 >> bits)
    }
  }
}

/// The text of an IPv4 (4 bytes) or IPv6 (16 bytes) address.
package func addressText(_ bytes: some Collection<UInt8>) -> String? {
  guard bytes.count == 4 || bytes.count == 16 else { return nil }
  var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
  guard inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, Array(bytes), &text, socklen_t(text.count)) != nil else {
    return nil
  }
  return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
