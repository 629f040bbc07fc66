import AgentModel
import Testing

@Suite("A SPIFFE id") struct SPIFFEIDTests {
  @Test("is read back as what it was made for") func roundTrip() throws {
    let domain = try #require(TrustDomain("prod.example"))
    let agent = try #require(AgentID("acme/bot"))
    let id = SPIFFEID.agent(agent, in: domain)
    #expect(id.description == "spiffe://prod.example/ns/acme/agent/bot")
    #expect(SPIFFEID(id.description) == id && id.agent == agent && id.service == nil)
    for service in SPIFFEID.Service.allCases {
      let id = SPIFFEID.service(service, in: domain)
      #expect(SPIFFEID(id.description) == id && id.service == service && id.agent == nil)
    }
  }

  @Test("of an agent is never that of a service, whatever the tenant is called") func distinct() throws {
    let agent = try #require(AgentID("system/gateway"))
    let id = SPIFFEID.agent(agent, in: .default)
    #expect(id.service == nil && id != .service(.gateway, in: .default))
  }

  @Test(
    "is refused when the standard refuses it",
    arguments: [
      "", "spiffe://", "spiffe://a", "spiffe:///x", "http://a/x", "SPIFFE://a/x", "spiffe://A/x", "spiffe://a/",
      "spiffe://a//x", "spiffe://a/x/", "spiffe://a/./x", "spiffe://a/../x", "spiffe://a/x?y", "spiffe://a/x#y",
      "spiffe://a/x%20y", "spiffe://a:80/x", "spiffe://u@a/x", "spiffe://a/ü", "spiffe://a/x\n",
      "spiffe://a/" + String(repeating: "x", count: 2048),
    ])
  func refused(text: String) { #expect(SPIFFEID(text) == nil) }
}

@Suite("An address to listen on") struct ListenAddressTests {
  @Test("is an address with a port", arguments: ["127.0.0.1:8443", "0.0.0.0:443", "[::]:443", "[::1]:8443"])
  func accepted(text: String) { #expect(ListenAddress(text)?.description == text) }

  @Test(
    "is nothing else",
    arguments: [
      "", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:+80", "127.1:80",
      "256.0.0.1:80", "localhost:80", "::1:80", "[::1]", "[]:80", "[1]:80", "127.0.0.1:080", "example.com:443",
    ])
  func refused(text: String) { #expect(ListenAddress(text) == nil) }
}

@Suite("A secret's value") struct SecretValueTests {
  @Test("prints as nothing") func silent() {
    let value = SecretValue("hunter2".utf8)
    var dumped = ""
    dump(value, to: &dumped)
    for text in ["\(value)", String(reflecting: value), dumped, "\([value])", "\(Optional(value) as Any)"] {
      #expect(!text.contains("hunter2") && !text.contains("104"))
    }
  }

  @Test("tells how far it repeats itself, and is no credential when that is far")
  func repetition() {
    #expect(SecretValue("abcab".utf8).longestRepetition == 2)
    #expect(SecretValue("abcdef".utf8).longestRepetition == 0)
    #expect(SecretValue("".utf8).longestRepetition == 0)
    #expect(SecretValue(String(repeating: "a", count: 33).utf8).headerText != nil)
    #expect(SecretValue(String(repeating: "a", count: 34).utf8).headerText == nil)
    #expect(SecretValue((String(repeating: "ab", count: 40) + "c").utf8).headerText == nil)
  }

  @Test(
    "goes into a header only when a header can carry it",
    arguments: [
      ("sk-1", true), ("", false), ("a b", true), (" a", false), ("a ", false), ("a\nb", false), ("a\0", false),
      ("ü", false),
    ])
  func header(text: String, fits: Bool) { #expect((SecretValue(text.utf8).headerText != nil) == fits) }
}
