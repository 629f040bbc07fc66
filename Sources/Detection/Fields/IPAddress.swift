import Glibc

/// An IPv4 or IPv6 address.
package struct IPAddress: Hashable, Sendable, CustomStringConvertible {
  package let isV6: Bool
  /// The upper half of an IPv6 address.
  package let high: UInt64
  /// The lower half, or an IPv4 address.
  package let low: UInt64

  package init(v4: UInt32) { (isV6, high, low) = (false, 0, UInt64(v4)) }

  package init(high: UInt64, low: UInt64) { (isV6, self.high, self.low) = (true, high, low) }

  /// - Returns: `nil` for text that inet_pton(3) does not take.
  package init?(_ text: String) {
    // It would not see what comes behind a NUL.
    guard !text.utf8.contains(0) else { return nil }
    if text.utf8.contains(UInt8(ascii: ".")), !text.utf8.contains(UInt8(ascii: ":")) {
      var address = in_addr()
      guard inet_pton(AF_INET, text, &address) == 1 else { return nil }
      self.init(v4: UInt32(bigEndian: address.s_addr))
    } else {
      var bytes = [UInt8](repeating: 0, count: 16)
      guard inet_pton(AF_INET6, text, &bytes) == 1 else { return nil }
      func half(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
      self.init(high: half(0..<8), low: half(8..<16))
    }
  }

  package var description: String {
    if !isV6 { return (0..<4).map { "\(low >> UInt64(24 - 8 * $0) & 0xff)" }.joined(separator: ".") }
    let bytes = [high, low].flatMap { half in (0..<8).map { UInt8(truncatingIfNeeded: half >> UInt64(56 - 8 * $0)) } }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard inet_ntop(AF_INET6, bytes, &text, socklen_t(text.count)) != nil else { return "<NA>" }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

/// An address and the length of its network's prefix.
package struct IPNetwork: Hashable, Sendable {
  package let isV6: Bool
  private let high: UInt64
  private let low: UInt64
  private let highMask: UInt64
  private let lowMask: UInt64

  init(_ text: String) throws(FieldError) {
    let isV4 = text.utf8.contains(UInt8(ascii: "."))
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2 else {
      throw FieldError(isV4 ? "unrecognized IP network \(text)" : "invalid v6 netmask: \(text)")
    }
    guard let address = IPAddress(parts[0]), address.isV6 != isV4 else {
      throw FieldError(isV4 ? "unrecognized IP address \(text)" : "unrecognized IPv6 address \(text)")
    }
    // Falco keeps eight bits of the number.
    guard let number = ScannedNumber.unsigned(parts[1], bits: 32) else {
      throw FieldError("\(parts[1]) is not a valid number")
    }
    let length = number & 0xff
    guard isV4 ? length <= 32 : (1...128).contains(length) else {
      throw FieldError("invalid \(isV4 ? "" : "v6 ")netmask \(parts[1])")
    }
    isV6 = !isV4
    if isV4 {
      highMask = 0
      lowMask = ~UInt64(0) << (32 - length) & 0xffff_ffff
    } else {
      highMask = length >= 64 ? ~0 : ~UInt64(0) << (64 - length)
      lowMask = length <= 64 ? 0 : ~UInt64(0) << (128 - length)
    }
    (high, low) = (address.high & highMask, address.low & lowMask)
  }

  @inline(__always)
  func contains(isV6: Bool, high: UInt64, low: UInt64) -> Bool {
    isV6 == self.isV6 && high & highMask == self.high && low & lowMask == self.low
  }
}
