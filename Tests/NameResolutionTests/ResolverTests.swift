import NameResolution
import Testing

@Suite("The resolver") struct ResolverTests {
  private let fixture: Fixture

  init() throws { fixture = try Fixture() }

  @Test(
    "gives an allowed name the proxy's address for a short time",
    arguments: [
      "api.example.com", "a.example.org", "a.b.c.example.org", "api.lobstack.internal",
      "api.anthropic.com.lobstack.internal", "API.Example.COM", "aPi.LOBSTACK.internal", "_x.example.org",
    ])
  func allowed(name: String) throws {
    let answer = try #require(fixture.answer(TestQuery(name)))
    #expect(answer.code == 0 && answer.isAnswer && !answer.isCut)
    let record = try #require(answer.answers.first)
    #expect(record == .init(name: [0xc0, 12], type: 1, recordClass: 1, lifetime: 30, data: [10, 64, 255, 253]))
    #expect(answer.answers.count == 1 && answer.authorities.isEmpty && answer.additional.isEmpty)
    #expect(fixture.reply(TestQuery(name)).outcome == .answered)
    #expect(fixture.reply(TestQuery(name)).verdict == nil)
  }

  @Test(
    "says of every other name that there is none, not to be remembered for more than a second",
    arguments: [
      "evil.example.net", "example.com", "x.api.example.com", "example.org", "com", "xexample.org", "",
      "lobstack.internal", "anthropic.com.lobstack.internal", "api.anthropic.com", "other.example.net",
      "api.example.com.lobstack.internal", "localhost", "2.0.64.10.in-addr.arpa", "169.254.169.254",
    ])
  func refused(name: String) throws {
    for type: UInt16 in [1, 28, 16, 65, 255] {
      let answer = try #require(fixture.answer(TestQuery(name, type: type)))
      #expect(answer.code == 3 && answer.answers.isEmpty)
      let authority = try #require(answer.authorities.first)
      #expect(authority.type == 6 && authority.lifetime == 1 && authority.name == [0])
      #expect(Array(authority.data.suffix(4)) == [0, 0, 0, 1])
    }
    let verdict = try #require(fixture.reply(TestQuery(name)).verdict)
    #expect(verdict.outcome == .refusedName)
    #expect(verdict.source == fixture.agent)
    #expect(verdict.name == (name.isEmpty ? "." : name) && verdict.type == "A")
  }

  @Test("gives each agent its own names only") func separate() throws {
    #expect(fixture.answer(TestQuery("other.example.net"), from: fixture.other)?.answers.count == 1)
    #expect(fixture.answer(TestQuery("api.example.com"), from: fixture.other)?.code == 3)
  }

  @Test("knows the widest and the deepest wildcard, and names of as many labels as there can be") func deep() throws {
    let deepest = (0..<14).map { "l\($0)" }.joined(separator: ".") + ".example.com"
    let table = ResolverTable(
      version: try parsed("v1"), address: fixture.host,
      agents: [
        ResolverTable.Agent(
          address: fixture.agent, hosts: [try parsed("*.\(deepest)"), try parsed("*.example.org")], names: [])
      ])
    let resolver = Resolver(table: table)
    func code(_ name: String) -> UInt16? {
      let reply = resolver.reply(to: TestQuery(name).bytes[...], from: fixture.agent, isHost: false)
      return reply.message.flatMap(TestAnswer.init)?.code
    }
    #expect(code("x.\(deepest)") == 0 && code("x.y.z.\(deepest)") == 0)
    #expect(code(deepest) == 3 && code("x" + deepest) == 3)
    #expect(code(String(repeating: "a.", count: 120) + "example.org") == 0)
    #expect(code(String(repeating: "a.", count: 120) + "example.net") == 3)
  }

  @Test("tells dots within a label from dots between two") func dots() throws {
    var query = TestQuery("")
    query.name = [7] + "api.exa".utf8 + [7] + "mple.co".utf8 + [1] + "m".utf8 + [0]
    #expect(fixture.answer(query)?.code == 3)
    query.name = [15] + "api.example.com".utf8 + [0]
    #expect(fixture.answer(query)?.code == 3)
    query.name = [1] + "a".utf8 + [11] + "example.org".utf8 + [0]
    #expect(fixture.answer(query)?.code == 3)
    #expect(fixture.reply(query).verdict?.name == #"a.example\046org"#)
  }

  @Test("has no record of the types that programs ask for beside A, and tells nobody", arguments: [28, 64, 65])
  func empty(type: UInt16) throws {
    let query = TestQuery("api.example.com", type: type)
    let answer = try #require(fixture.answer(query))
    #expect(answer.code == 0 && answer.answers.isEmpty && answer.authorities.count == 1)
    #expect(fixture.reply(query).outcome == .empty && fixture.reply(query).verdict == nil)
  }

  @Test("has no record of other types, and tells that somebody asked", arguments: [16, 15, 2, 6, 10, 33, 65399])
  func odd(type: UInt16) throws {
    let query = TestQuery("api.example.com", type: type)
    let answer = try #require(fixture.answer(query))
    #expect(answer.code == 0 && answer.answers.isEmpty && answer.authorities.count == 1)
    #expect(fixture.reply(query).verdict?.outcome == .oddType)
  }

  @Test("answers ANY with the record that says so") func any() throws {
    let answer = try #require(fixture.answer(TestQuery("api.example.com", type: 255)))
    #expect(answer.answers.map(\.type) == [13])
    #expect(answer.answers.first?.data == [7] + "RFC8482".utf8 + [0])
  }

  @Test("does no transfer and no other meta type", arguments: [249, 250, 251, 252, 253]) func meta(type: UInt16) throws
  {
    #expect(fixture.answer(TestQuery("api.example.com", type: type))?.code == 4)
    #expect(fixture.reply(TestQuery("api.example.com", type: type)).outcome == .oddType)
  }

  @Test("does nothing but queries", arguments: 1..<16) func operations(operation: UInt16) throws {
    var query = TestQuery("api.example.com")
    query.flags = operation << 11 | 0x0100
    let answer = try #require(fixture.answer(query))
    #expect(answer.code == 4 && answer.question.isEmpty && answer.flags >> 11 & 0xf == operation)
    #expect(fixture.reply(query).verdict?.type == "OPCODE\(operation)")
  }

  @Test("never answers an answer") func noLoops() throws {
    for flags: UInt16 in [0x8000, 0x8180, 0xffff] {
      var query = TestQuery("api.example.com")
      query.flags = flags
      #expect(fixture.reply(query).message == nil)
      #expect(fixture.reply(query).outcome == .malformed)
    }
  }

  @Test("refuses whom the table does not name") func unknown() throws {
    let stranger = try address("10.64.0.10")
    #expect(fixture.answer(TestQuery("api.example.com"), from: stranger)?.code == 5)
    let reply = fixture.reply(TestQuery("api.example.com"), from: stranger)
    #expect(reply.verdict?.outcome == .unknownSource && reply.verdict?.source == stranger)
    let empty = Resolver(table: .none)
    let nobody = empty.reply(to: TestQuery("api.example.com").bytes[...], from: fixture.agent, isHost: false)
    #expect(nobody.message.flatMap(TestAnswer.init)?.code == 5)
  }

  @Test("tells the host, and no agent, which table is in force") func version() throws {
    let query = TestQuery("Version.Server", type: 16, recordClass: 3)
    let answer = try #require(fixture.answer(query, from: fixture.host, isHost: true))
    #expect(answer.answers.first?.data == [2] + "v7".utf8)
    #expect(answer.answers.first?.lifetime == 0 && answer.answers.first?.recordClass == 3)
    #expect(fixture.reply(query, from: fixture.host, isHost: true).verdict == nil)
    #expect(fixture.answer(query)?.code == 5)
    #expect(fixture.reply(query).outcome == .oddType)
    #expect(fixture.answer(TestQuery("api.example.com"), from: fixture.host, isHost: true)?.code == 5)
    #expect(fixture.answer(TestQuery("version.server", type: 16), from: fixture.host, isHost: true)?.code == 5)
    #expect(
      fixture.answer(TestQuery("version.bind", type: 16, recordClass: 3), from: fixture.host, isHost: true)?.code == 5)
  }

  @Test("and the host's question understand each other, whatever an answer is cut to") func versionQuery() throws {
    let query = VersionQuery(id: 0xabcd)
    let reply = fixture.resolver.reply(to: query.bytes[...], from: fixture.host, isHost: true)
    let answer = try #require(reply.message)
    #expect(query.version(in: answer) == "v7")
    #expect(VersionQuery(id: 0xabce).version(in: answer) == nil)
    for length in 0..<answer.count { #expect(query.version(in: Array(answer.prefix(length))) == nil) }
    let refused = fixture.resolver.reply(to: query.bytes[...], from: fixture.agent, isHost: false)
    #expect(query.version(in: try #require(refused.message)) == nil)
  }

  @Test("refuses other classes", arguments: [0, 2, 3, 4, 254, 255, 65535]) func classes(recordClass: UInt16) throws {
    #expect(fixture.answer(TestQuery("api.example.com", recordClass: recordClass))?.code == 5)
  }

  @Test("echoes id, question with the sender's capitals, and the flags that are the sender's") func echo() throws {
    var query = TestQuery("aPI.eXample.COM")
    query.id = 0xbeef
    query.flags = 0x0110
    let answer = try #require(fixture.answer(query))
    #expect(answer.id == 0xbeef)
    #expect(answer.question == query.question)
    #expect(answer.flags == 0x8190)
    query.flags = 0x0660  // AA, TC, Z, AD of a query mean nothing
    #expect(fixture.answer(query)?.flags == 0x8080)
  }

  @Test("speaks EDNS to those who do") func extensions() throws {
    let padded = TestQuery("api.example.com").withEDNS(
      flags: 0x8000,
      options: big(12) + big(200) + [UInt8](repeating: 0, count: 200) + big(10) + big(8) + [1, 2, 3, 4, 5, 6, 7, 8])
    let answer = try #require(fixture.answer(padded))
    #expect(answer.code == 0 && answer.answers.count == 1)
    let option = try #require(answer.additional.first)
    #expect(option.type == 41 && option.recordClass == 1232 && option.lifetime == 0x8000 && option.data.isEmpty)
    #expect(fixture.answer(TestQuery("api.example.com").withEDNS(size: 0))?.answers.count == 1)
    #expect(fixture.answer(TestQuery("evil.example.net").withEDNS())?.additional.count == 1)
  }

  @Test("says which version of EDNS it speaks when asked in another") func badVersion() throws {
    let answer = try #require(fixture.answer(TestQuery("api.example.com").withEDNS(version: 1)))
    #expect(answer.code == 16 && answer.answers.isEmpty && answer.question == TestQuery("api.example.com").question)
    #expect(answer.additional.first?.lifetime == 0x0100_0000)
  }

  @Test(
    "finds the shape of a tunnel in refused names",
    arguments: [
      (String(repeating: "a", count: 41) + ".example.net", 1, true),
      (String(repeating: "abcdefghij.", count: 10) + "net", 1, true),
      (String(repeating: "a.", count: 12) + "net", 1, true),
      ("dGhpcyBpcyBhIHNlY3JldCBrZXk.example.net", 16, true),
      ("dGhpcyBpcyBhIHNlY3JldCBrZXk.example.net", 1, false),
      ("x.example.net", 10, true), ("a=b.example.net", 1, true), ("www.example.net", 16, false),
      ("_dmarc.mail.example.net", 16, false),
    ] as [(String, UInt16, Bool)])
  func tunnel(name: String, type: UInt16, isTunnel: Bool) throws {
    let reply = fixture.reply(TestQuery(name, type: type))
    #expect(reply.outcome == (isTunnel ? .tunnelLike : .refusedName))
    #expect(reply.message.flatMap(TestAnswer.init)?.code == 3)
  }

  @Test("tells names in print, and in bounds") func printable() throws {
    var query = TestQuery("")
    query.name = [5, 0x1b, 0x5b, 0x0a, 0xff, 0x41, 3] + "com".utf8 + [0]
    #expect(fixture.reply(query).verdict?.name == #"\027\091\010\255a.com"#)
    query.name = Array(repeating: [62] + [UInt8](repeating: 7, count: 62), count: 4).flatMap(\.self) + [0]
    #expect(try #require(fixture.reply(query).verdict).name.count == 256)
  }
}
