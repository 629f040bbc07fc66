import Testing

@testable import Detection

@Suite("A field that means either end of a connection")
struct EitherEndTests {
  static let connection = """
    {evt.type: openat, fd.cip: 10.0.0.1, fd.sip: 8.8.8.8, fd.cport: 40000, fd.sport: 53, fd.cnet: 10.0.0.1,
     fd.snet: 8.8.8.8}
    """

  private func matches(_ condition: String, _ event: String = EitherEndTests.connection) throws -> Bool {
    try LoadedRules(condition: condition).matches(event) == ["r"]
  }

  @Test(
    "equals what one of them equals",
    arguments: [
      "fd.ip = 10.0.0.1", "fd.ip = 8.8.8.8", "fd.ip = oneof (8.8.8.8, 1.1.1.1)",
      "fd.port = 53", "fd.port = domain", "fd.port = 40000", "fd.port in (1, 40000)", "fd.port in (53)",
      "fd.port < 100", "fd.port > 100", "fd.proto = 53", "fd.net = \"10.0.0.0/8\"", "fd.net = 8.8.8.8/32",
      "fd.net in (8.0.0.0/8)", "fd.ip exists", "fd.port exists", "fd.net exists",
    ])
  func equal(condition: String) throws {
    #expect(try matches(condition))
    #expect(try !matches("not (\(condition))"))
  }

  @Test(
    "does not equal what none of them equals",
    arguments: [
      "fd.ip = 1.2.3.4", "fd.ip = \"::1\"", "fd.port = 80", "fd.port in (1, 2)", "fd.port < 53", "fd.port > 40000",
      "fd.net = 11.0.0.0/8", "fd.net = \"::/1\"",
    ])
  func unequal(condition: String) throws { #expect(try !matches(condition)) }

  @Test("differs from what both differ from") func differs() throws {
    for condition in ["fd.ip != 1.2.3.4", "fd.port != 80", "fd.net != 11.0.0.0/8", "fd.proto != 80"] {
      #expect(try matches(condition), "\(condition)")
    }
    for condition in [
      "fd.ip != 10.0.0.1", "fd.ip != 8.8.8.8", "fd.port != 53", "fd.port != 40000", "fd.net != 10.0.0.0/8",
      "fd.net != 8.0.0.0/8",
    ] { #expect(try !matches(condition), "\(condition)") }
  }

  /// Falco looks at the first value only.
  @Test(
    "is one of several",
    arguments: [
      "fd.ip in (1.1.1.1, 10.0.0.1)", "fd.ip = anyof (1.1.1.1, 8.8.8.8)", "fd.net in (11.0.0.0/8, 8.0.0.0/8)",
    ])
  func several(condition: String) throws { #expect(try matches(condition)) }

  @Test("needs only one of them to be there") func half() throws {
    let event = "{evt.type: openat, fd.sip: 8.8.8.8, fd.sport: 53}"
    for condition in ["fd.ip exists", "fd.ip = 8.8.8.8", "fd.ip != 1.1.1.1", "fd.port = 53", "fd.port != 80"] {
      #expect(try matches(condition, event), "\(condition)")
    }
    for condition in ["fd.ip != 8.8.8.8", "fd.port != 53", "fd.ip = 10.0.0.1"] {
      #expect(try !matches(condition, event), "\(condition)")
    }
  }

  @Test(
    "is not there without a connection",
    arguments: ["fd.ip exists", "fd.ip = 1.1.1.1", "fd.ip != 1.1.1.1", "fd.port != 1", "fd.net != 10.0.0.0/8"])
  func absent(condition: String) throws { #expect(try !matches(condition, "{evt.type: openat, proc.name: a}")) }

  @Test("compares each family of addresses with its own") func families() throws {
    let event = "{evt.type: openat, fd.sip: \"::a00:1\", fd.snet: \"::a00:1\"}"
    #expect(try !matches("fd.sip = 10.0.0.1", event))
    #expect(try matches("fd.sip != 10.0.0.1", event))
    #expect(try matches("fd.sip = \"0:0::a00:1\"", event))
    #expect(try !matches("fd.snet = 0.0.0.0/0", event))
    #expect(try matches("fd.snet != 0.0.0.0/0", event))
    #expect(try matches("fd.snet in (\"::/64\", 1.0.0.0/8)", event))
  }
}
