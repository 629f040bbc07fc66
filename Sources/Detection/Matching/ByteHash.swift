/// A hash of short byte strings, eight bytes at a time. Sets of rules are built by operators, so it need not withstand
/// chosen keys.
@inline(__always)
func byteHash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
  var hash = UInt64(truncatingIfNeeded: bytes.count) &* 0x9e37_79b9_7f4a_7c15
  guard let base = bytes.baseAddress else { return hash }
  var offset = 0
  while offset + 8 <= bytes.count {
    hash = (hash ^ base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0xff51_afd7_ed55_8ccd
    hash ^= hash >> 32
    offset += 8
  }
  var tail: UInt64 = 0
  while offset < bytes.count {
    tail = tail << 8 | UInt64(base.load(fromByteOffset: offset, as: UInt8.self))
    offset += 1
  }
  hash = (hash ^ tail) &* 0xc4ce_b9fe_1a85_ec53
  return hash ^ hash >> 29
}
