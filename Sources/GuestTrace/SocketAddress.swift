import Detection

/// An address as a program passes it: `struct sockaddr` of Linux.
enum SocketAddress {
  case ip(IPAddress, port: UInt16)
  case unix(UnsafeRawBufferPointer)
  case other(family: UInt16)

  /// - Returns: `nil` for bytes that are no address.
  init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= 2 else { return nil }
    let family = bytes.loadUnaligned(fromByteOffset: 0, as: UInt16.self)
    func bigEndian<Number: FixedWidthInteger>(at offset: Int, as type: Number.Type) -> Number {
      Number(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
    }
    switch family {
    case 2 where bytes.count >= 8:
      self = .ip(IPAddress(v4: bigEndian(at: 4, as: UInt32.self)), port: bigEndian(at: 2, as: UInt16.self))
    case 10 where bytes.count >= 24:
      let (high, low) = (bigEndian(at: 8, as: UInt64.self), bigEndian(at: 16, as: UInt64.self))
      let port = bigEndian(at: 2, as: UInt16.self)
      // ::ffff:a.b.c.d goes where a.b.c.d goes (RFC 4291 §2.5.5.2).
      if high == 0, low >> 32 == 0xffff {
        self = .ip(IPAddress(v4: UInt32(truncatingIfNeeded: low)), port: port)
      } else {
        self = .ip(IPAddress(high: high, low: low), port: port)
      }
    case 1:
      var path = UnsafeRawBufferPointer(rebasing: bytes[2...])
      // A name that begins with NUL is abstract, and may have more of them.
      if path.first != 0, let end = path.firstIndex(of: 0) { path = UnsafeRawBufferPointer(rebasing: path[..<end]) }
      self = .unix(path)
    default:
      self = .other(family: family)
    }
  }
}
