import Testing
import TextEncodings

@Suite("Bytes as text") struct TextEncodingsTests {
  @Test("are pairs of hexadecimal digits", arguments: [([], ""), ([0, 9, 15, 16, 171, 255], "00090f10abff")])
  func hexadecimal(bytes: [UInt8], text: String) {
    #expect(Hexadecimal.encode(bytes) == text)
    #expect(Hexadecimal.decode(text) == bytes)
  }

  @Test("are nothing that has another spelling", arguments: ["0", "AB", "0g", "0x", " 00", "00\n", "０0"])
  func malformed(text: String) { #expect(Hexadecimal.decode(text) == nil) }

  @Test(
    "of a URL's part are escaped, but for what RFC 3986 does not reserve",
    arguments: [
      ("", ""), ("aZ09-._~", "aZ09-._~"), ("/a b%", "%2Fa%20b%25"), ("\u{0}\n+?#&=", "%00%0A%2B%3F%23%26%3D"),
      ("é", "%C3%A9"),
    ])
  func percent(text: String, expected: String) { #expect(percentEncoded(text) == expected) }
}
