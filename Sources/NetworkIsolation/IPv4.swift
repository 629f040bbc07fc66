/// An IPv4 address.
package struct IPv4Address: Hashable, Sendable, CustomStringConvertible {
  package let number: UInt32

  package init(number: UInt32) { self.number = number }

  /// - Returns: `nil` unless `text` is four decimal numbers without leading zeros, as in `10.0.0.1`.
  package init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var number: UInt32 = 0
    for part in parts {
      guard let byte = UInt8(part), "\(byte)" == part else { return nil }
      number = number << 8 | UInt32(byte)
    }
    self.number = number
  }

  package var description: String {
    stride(from: 24, through: 0, by: -8).map { "\(number >> UInt32($0) & 255)" }.joined(separator: ".")
  }
}

/// A block of IPv4 addresses in CIDR notation.
package struct IPv4Block: Hashable, Sendable, CustomStringConvertible {
  package let base: IPv4Address
  package let prefixLength: Int

  package init(base: IPv4Address, prefixLength: Int) {
    self.base = base
    self.prefixLength = prefixLength
  }

  /// - Returns: `nil` unless `text` is `address/length` with no bit set behind the prefix; a bare address is a /32.
  package init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard let first = parts.first, parts.count <= 2, let base = IPv4Address(first) else { return nil }
    let length = parts.count == 2 ? Int(parts[1]) : 32
    guard let length, (0...32).contains(length), base.number & ~Self.mask(length) == 0 else { return nil }
    self.init(base: base, prefixLength: length)
  }

  package var description: String { "\(base)/\(prefixLength)" }

  package func overlaps(_ other: IPv4Block) -> Bool {
    let mask = Self.mask(min(prefixLength, other.prefixLength))
    return base.number & mask == other.base.number & mask
  }

  private static func mask(_ length: Int) -> UInt32 { length == 0 ? 0 : ~UInt32(0) << UInt32(32 - length) }
}
