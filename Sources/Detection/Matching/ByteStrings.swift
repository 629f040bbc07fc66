import Glibc

/// Below 0, 0 or above 0, as memcmp(3) and then the lengths say.
@inline(__always)
func compareBytes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
  let count = min(left.count, right.count)
  if count > 0, let first = left.baseAddress, let second = right.baseAddress {
    let order = memcmp(first, second, count)
    if order != 0 { return Int(order) }
  }
  return left.count - right.count
}

@inline(__always)
func hasPrefix(_ text: UnsafeRawBufferPointer, _ prefix: UnsafeRawBufferPointer) -> Bool {
  guard prefix.count <= text.count else { return false }
  guard prefix.count > 0, let text = text.baseAddress, let start = prefix.baseAddress else { return true }
  return memcmp(text, start, prefix.count) == 0
}

@inline(__always)
func hasSuffix(_ text: UnsafeRawBufferPointer, _ suffix: UnsafeRawBufferPointer) -> Bool {
  guard suffix.count <= text.count else { return false }
  guard suffix.count > 0, let base = text.baseAddress, let end = suffix.baseAddress else { return true }
  return memcmp(base + (text.count - suffix.count), end, suffix.count) == 0
}

func contains(_ text: UnsafeRawBufferPointer, _ part: UnsafeRawBufferPointer) -> Bool {
  guard part.count > 0 else { return true }
  guard part.count <= text.count, let base = text.baseAddress, let wanted = part.baseAddress else { return false }
  let first = Int32(part[0])
  var place = base
  var left = text.count - part.count + 1
  while left > 0, let found = memchr(place, first, left) {
    if memcmp(found, wanted, part.count) == 0 { return true }
    left -= found - UnsafeMutableRawPointer(mutating: place) + 1
    place = UnsafeRawPointer(found) + 1
  }
  return false
}

@inline(__always)
func lowercased(_ byte: UInt8) -> UInt8 {
  byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
}

@inline(__always)
func uppercased(_ byte: UInt8) -> UInt8 {
  byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") ? byte & 0xdf : byte
}

/// - Parameter part: in lower case.
func containsIgnoringCase(_ text: UnsafeRawBufferPointer, _ part: UnsafeRawBufferPointer) -> Bool {
  guard part.count > 0 else { return true }
  guard part.count <= text.count else { return false }
  let first = part[0]
  for start in 0...(text.count - part.count) where lowercased(text[start]) == first {
    var index = 1
    while index < part.count, lowercased(text[start + index]) == part[index] { index += 1 }
    if index == part.count { return true }
  }
  return false
}
