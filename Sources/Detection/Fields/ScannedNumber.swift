import Glibc

/// Numbers as sscanf(3) reads them, which is how Falco does: blanks before and a sign are taken, what is too large is
/// cut, and nothing may follow.
enum ScannedNumber {
  static func signed(_ text: String, bits: Int) -> Int64? {
    guard let number = whole(text, { strtoll($0, $1, 10) }) else { return nil }
    return (number << Int64(64 - bits)) >> Int64(64 - bits)
  }

  static func unsigned(_ text: String, bits: Int) -> UInt64? {
    guard let number = whole(text, { strtoull($0, $1, 10) }) else { return nil }
    return (number << UInt64(64 - bits)) >> UInt64(64 - bits)
  }

  private static func whole<Number>(
    _ text: String, _ parse: (UnsafePointer<CChar>, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Number
  ) -> Number? {
    var bytes = text.utf8CString
    return bytes.withUnsafeMutableBufferPointer { buffer -> Number? in
      guard let start = buffer.baseAddress else { return nil }
      var end: UnsafeMutablePointer<CChar>?
      let number = parse(start, &end)
      guard let end, end > start, end.pointee == 0 else { return nil }
      return number
    }
  }
}
