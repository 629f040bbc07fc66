extension Builtins {
  static let networks: [Builtin] = [
    Builtin.texts("net.cidr_contains") { network, other, _ in
      guard let network = Network(network) else { return nil }
      if let address = Network.address(other.bytes) { return .truth(network.contains(address)) }
      guard let other = Network(other) else { return nil }
      return .truth(network.contains(other.first) && network.contains(other.last))
    },
    Builtin.texts("net.cidr_intersects") { left, right, _ in
      guard let left = Network(left), let right = Network(right) else { return nil }
      return .truth(left.contains(right.first) || right.contains(left.first))
    },
    Builtin("net.cidr_is_valid", 1) { arguments, _ in
      .truth(arguments[0].text.flatMap { Network($0) } != nil)
    },
  ]
}

/// A network of addresses, of 4 or of 16 bytes.
struct Network {
  let first: [UInt8]
  private let mask: [UInt8]

  /// As in "10.0.0.0/8" or "fd00::/8".
  init?(_ text: String) {
    guard text.utf8.count <= 128 else { return nil }
    let bytes = text.bytes
    guard let slash = bytes.firstIndex(of: UInt8(ascii: "/")) else { return nil }
    let digits = bytes[(slash + 1)...]
    guard let address = Self.address(Array(bytes[..<slash])), !digits.isEmpty, digits.count <= 8,
      digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let prefix = Int(String(decoding: digits, as: UTF8.self)),
      prefix <= address.count * 8
    else { return nil }
    var mask = (0..<address.count).map { place in
      let bits = min(max(prefix - place * 8, 0), 8)
      return UInt8(truncatingIfNeeded: 0xFF00 >> bits)
    }
    var first = Self.short(address)
    // An address of version 4 in one of version 6.
    if first.count < mask.count, mask.prefix(12).allSatisfy({ $0 == 0xFF }) { mask = Array(mask.suffix(4)) }
    if first.count < mask.count { first = address }
    self.first = zip(first, mask).map { $0 & $1 }
    self.mask = mask
  }

  var last: [UInt8] { zip(first, mask).map { $0 | ~$1 } }

  func contains(_ address: [UInt8]) -> Bool {
    let address = Self.short(address)
    return address.count == first.count && zip(zip(address, mask), first).allSatisfy { $0.0 & $0.1 == $1 }
  }

  /// Four bytes of an address that is one of version 4.
  static func short(_ address: [UInt8]) -> [UInt8] {
    let prefix = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]
    return address.count == 16 && address.starts(with: prefix) ? Array(address.suffix(4)) : address
  }

  static func address(_ text: [UInt8]) -> [UInt8]? {
    guard text.count <= 128 else { return nil }
    return text.contains(UInt8(ascii: ":")) ? long(text) : quads(text[...])
  }

  /// Four numbers up to 255, without zeros before them.
  private static func quads(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    let numbers = parts.compactMap { part -> UInt8? in
      guard part.count == 1 || part.first != 0x30, part.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
      return UInt8(String(decoding: part, as: UTF8.self))
    }
    return numbers.count == 4 ? numbers : nil
  }

  private static func long(_ text: [UInt8]) -> [UInt8]? {
    guard let gap = text.place(of: Array("::".utf8)) else {
      return groups(text[...]).flatMap { $0.count == 16 ? $0 : nil }
    }
    guard let head = groups(text[..<gap]), let tail = groups(text[(gap + 2)...]), head.count + tail.count <= 14 else {
      return nil
    }
    // Only the end may be written as one of version 4.
    guard !text[..<gap].contains(UInt8(ascii: ".")) else { return nil }
    return head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail
  }

  private static func groups(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    if text.isEmpty { return [] }
    var bytes: [UInt8] = []
    let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    for (index, part) in parts.enumerated() {
      if part.contains(UInt8(ascii: ".")) {
        guard index == parts.count - 1, let quads = quads(part) else { return nil }
        bytes += quads
        continue
      }
      guard (1...4).contains(part.count), part.allSatisfy({ Builtins.hexDigit($0) != nil }),
        let group = UInt16(String(decoding: part, as: UTF8.self), radix: 16)
      else { return nil }
      bytes += [UInt8(group >> 8), UInt8(group & 0xFF)]
    }
    return bytes
  }
}
