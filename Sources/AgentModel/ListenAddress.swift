/// Where a server listens: an address of this machine, and a port.
package struct ListenAddress: ParsedText {
  /// An IPv4 or IPv6 address, the latter without brackets.
  package let host: String
  package let port: UInt16
  package static let rule = "an address and a port: 0.0.0.0:443, 127.0.0.1:8443 or [::]:443"

  package init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = Self.number(text[text.index(after: colon)...], most: 65535),
      port > 0
    else { return nil }
    let host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      let address = host.dropFirst().dropLast()
      let groups = address.split(separator: ":", omittingEmptySubsequences: false)
      guard (3...8).contains(groups.count), address.utf8.allSatisfy(Self.isHexadecimal) else { return nil }
      self.host = String(address)
    } else {
      let octets = host.split(separator: ".", omittingEmptySubsequences: false)
      guard octets.count == 4, octets.allSatisfy({ Self.number($0, most: 255) != nil }) else { return nil }
      self.host = String(host)
    }
    self.port = UInt16(port)
  }

  /// - Parameters:
  ///   - host: an address of this machine.
  ///   - port: 0 lets the kernel choose one.
  package init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// The gateway's, until an operator says where people reach it.
  package static let gatewayDefault = ListenAddress(host: "127.0.0.1", port: 8443)

  /// Plain HTTP's, where authorities come to see whose name it is.
  package static let plainDefault = ListenAddress(host: "0.0.0.0", port: 80)

  package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// Whether the address stands for all of the machine's.
  package var isAny: Bool { host == "0.0.0.0" || host == "::" }

  private static func number(_ text: Substring, most: Int) -> Int? {
    // Int() alone would take a sign.
    guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let number = Int(text), number <= most, text.count == 1 || !text.hasPrefix("0")
    else { return nil }
    return number
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: ":"):
      true
    default: false
    }
  }
}
