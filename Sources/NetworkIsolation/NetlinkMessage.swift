/// One message of nfnetlink, with its attributes (linux/netlink.h, linux/netfilter/nfnetlink.h).
///
/// Every length is checked against what is there, and nothing traps: what stands in a message, others may have chosen.
struct NetlinkMessage {
  /// nlmsghdr (16 bytes) and nfgenmsg (4 bytes).
  private static let header = 20

  let type: UInt16
  private let body: ArraySlice<UInt8>
  private let length: Int

  /// - Returns: `nil` for bytes that do not begin with a whole message.
  init?(_ bytes: ArraySlice<UInt8>) {
    guard let length: UInt32 = bytes.native(at: 0), length >= Self.header, length <= bytes.count,
      let type: UInt16 = bytes.native(at: 4)
    else { return nil }
    self.type = type
    self.length = Int(length)
    body = bytes.prefix(Int(length)).dropFirst(Self.header)
  }

  /// The messages of one datagram, up to the first that is not whole.
  static func all(in datagram: ArraySlice<UInt8>) -> [NetlinkMessage] {
    var (rest, messages) = (datagram, [NetlinkMessage]())
    while let message = NetlinkMessage(rest) {
      messages.append(message)
      rest = rest.dropFirst(aligned(message.length))
    }
    return messages
  }

  /// Type and value of each attribute, up to the first that is not whole.
  var attributes: [(kind: UInt16, value: ArraySlice<UInt8>)] {
    var (rest, attributes) = (body, [(kind: UInt16, value: ArraySlice<UInt8>)]())
    while let size: UInt16 = rest.native(at: 0), let kind: UInt16 = rest.native(at: 2), size >= 4, size <= rest.count {
      attributes.append((kind & 0x3fff, rest.prefix(Int(size)).dropFirst(4)))
      rest = rest.dropFirst(aligned(Int(size)))
    }
    return attributes
  }
}

extension ArraySlice<UInt8> {
  /// The integer of the machine's byte order at an offset; `nil` when the bytes are not all there.
  func native<Integer: FixedWidthInteger>(at offset: Int) -> Integer? {
    #if _endian(big)
      big(at: offset)
    #else
      big(at: offset).map { (value: Integer) in value.byteSwapped }
    #endif
  }

  /// The integer of the network's byte order at an offset; `nil` when the bytes are not all there.
  func big<Integer: FixedWidthInteger>(at offset: Int) -> Integer? {
    let bytes = dropFirst(offset).prefix(Integer.bitWidth / 8)
    guard bytes.count == Integer.bitWidth / 8 else { return nil }
    return bytes.reduce(0) { $0 << 8 | Integer(truncatingIfNeeded: $1) }
  }
}

/// Netlink's alignment.
private func aligned(_ length: Int) -> Int { (length + 3) & ~3 }
