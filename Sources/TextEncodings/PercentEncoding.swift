/// Escapes everything but the unreserved characters of RFC 3986 §2.3.
package func percentEncoded(_ text: String) -> String {
  var result: [UInt8] = []
  for byte in text.utf8 {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
      UInt8(ascii: "~"):
      result.append(byte)
    default:
      result.append(UInt8(ascii: "%"))
      result += Hexadecimal.encode([byte]).uppercased().utf8
    }
  }
  return String(decoding: result, as: UTF8.self)
}
