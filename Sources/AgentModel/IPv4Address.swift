/// An address of version 4 of the Internet Protocol.
package struct IPv4Address: ParsedText {
  /// In the machine's byte order.
  package let bits: UInt32
  package static let rule = "an IPv4 address: four decimal numbers of 0 to 255 without leading zeros, joined by dots"

  package init(bits: UInt32) { self.bits = bits }

  package init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bits: UInt32 = 0
    for part in parts {
      // A leading zero means octal to some and nothing to others.
      guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        part.utf8.count == 1 || !part.hasPrefix("0"), let byte = UInt8(part)
      else { return nil }
      bits = bits << 8 | UInt32(byte)
    }
    self.bits = bits
  }

  package var description: String { bytes.map(String.init).joined(separator: ".") }

  /// In the network's byte order.
  package var bytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: bits >> (24 - 8 * UInt32($0))) } }

  package static func < (left: Self, right: Self) -> Bool { left.bits < right.bits }
}
