import AgentModel
import Testing

@Suite("A host pattern") struct HostPatternTests {
  @Test(
    "is a name, or a wildcard below one",
    arguments: ["api.example.com", "*.example.com", "a.b.c.d.example.co.uk", "x-1.example.org", "1.example.net"])
  func accepted(text: String) { #expect(HostPattern(text)?.description == text) }

  @Test(
    "is nothing that a reviewer would misread",
    arguments: [
      // Too wide.
      "*", "*.", "*.com", "**.example.com", "a.*.example.com", "*example.com", "com", "localhost", "",
      // Addresses in every notation.
      "1.2.3.4", "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "[::1]", "::1", "::ffff:1.2.3.4", "1.2.3.4.",
      "0x7f000001", "10.0.0.0x1",
      // Ports, paths, other notations.
      "api.example.com:443", "api.example.com.", ".example.com", "api..example.com", "http://api.example.com",
      "api.example.com/", "user@api.example.com", "API.example.com", "api_x.example.com", "-a.example.com",
      "a-.example.com", "a b.example.com", "api.example.com\n", "api.example.com\0",
      // Beyond ASCII, and its disguise.
      "bücher.example", "аpi.example.com", "xn--bcher-kva.example", "a.xn--p1ai", "api.example.c\u{f6}m",
      // The platform's own and other private names.
      "api.lobstack.internal", "*.lobstack.internal", "printer.local", "x.localhost", "1.0.0.10.in-addr.arpa",
      "a.onion",
    ])
  func refused(text: String) { #expect(HostPattern(text) == nil) }

  @Test("has at most 16 labels of 63 bytes, 253 bytes in all") func bounded() {
    let labels = { (count: Int) in (Array(repeating: "a", count: count - 1) + ["com"]).joined(separator: ".") }
    #expect(HostPattern(labels(16)) != nil && HostPattern(labels(17)) == nil && HostPattern(labels(64)) == nil)
    #expect(HostPattern(String(repeating: "a", count: 63) + ".com") != nil)
    #expect(HostPattern(String(repeating: "a", count: 64) + ".com") == nil)
    let long = Array(repeating: String(repeating: "a", count: 60), count: 5).joined(separator: ".")
    #expect(HostPattern(long + ".com") == nil)
  }

  @Test("matches itself, a wildcard what is below and nothing else") func matches() throws {
    let exact = try #require(HostPattern("api.example.com"))
    #expect(exact.matches("api.example.com") && !exact.matches("x.api.example.com") && !exact.matches("example.com"))
    let wildcard = try #require(HostPattern("*.example.com"))
    #expect(wildcard.matches("a.example.com") && wildcard.matches("a.b.example.com"))
    #expect(!wildcard.matches("example.com") && !wildcard.matches(".example.com"))
    #expect(!wildcard.matches("badexample.com") && !wildcard.matches("a.example.com.evil.org"))
  }

  @Test(
    "overlaps what shares a name with it",
    arguments: [
      ("a.example.com", "a.example.com", true), ("a.example.com", "b.example.com", false),
      ("*.example.com", "a.example.com", true), ("*.example.com", "example.com", false),
      ("*.example.com", "*.a.example.com", true), ("*.example.com", "*.example.org", false),
    ])
  func overlaps(one: String, other: String, expected: Bool) throws {
    let (one, other) = (try #require(HostPattern(one)), try #require(HostPattern(other)))
    #expect(one.overlaps(other) == expected && other.overlaps(one) == expected)
  }
}
