import AgentModel
import Testing

@Suite("A public name") struct PublicDomainTests {
  @Test("is a whole DNS name", arguments: ["example.org", "a.b-c.example.org", "xn--mnchen-3ya.de"])
  func accepts(text: String) { #expect(PublicDomain(text)?.description == text) }

  @Test(
    "is refused with what to write instead",
    arguments: [
      ("*.example.org", "each name"), ("münchen.de", "xn--"), ("10.0.0.1", "address"), ("2001:db8::1", "address"),
      ("example.org:443", "port"), ("Example.org", "lower case"), ("localhost", "without a domain"), ("", "labels"),
      ("example.org.", "none at the end"), ("a..org", "labels"), ("-a.org", "labels"), ("a_b.org", "labels"),
      ("example.123", "without a domain"), ("a b.org", "labels"), ("a.org\n", "labels"),
      (String(repeating: "a.", count: 127) + "org", "labels"),
    ])
  func refuses(text: String, words: String) {
    #expect(PublicDomain(text) == nil)
    #expect(PublicDomain.objection(to: text)?.contains(words) == true)
  }

  @Test("has a mail address that names no directory and no option") func mail() {
    #expect(MailAddress("ops+tls@example.org")?.description == "ops+tls@example.org")
    for text in [
      "", "ops", "@example.org", "ops@", "a@b@example.org", "../x@example.org", "-d@example.org",
      "a b@example.org", "ops@localhost", "ö@example.org", "\"a\"@example.org", "a@10.0.0.1",
    ] {
      #expect(MailAddress(text) == nil, "\(text)")
    }
  }

  @Test("is certified by a directory that is reached over https") func directory() {
    typealias URL = PublicCertificateSettings.DirectoryURL
    #expect(URL("https://ca.test:8443/v1/dir") != nil)
    for text in [
      "", "http://ca.test/dir", "https://", "https:///dir", "ca.test", "https://a@ca.test/d",
      "https://ca.test/#d", "https://ca .test/",
    ] {
      #expect(URL(text) == nil, "\(text)")
    }
  }
}
