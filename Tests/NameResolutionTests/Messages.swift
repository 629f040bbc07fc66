import AgentModel
import NameResolution

/// A query, field by field, so that a test can break each of them.
struct TestQuery {
  var id: UInt16 = 0x1234
  var flags: UInt16 = 0x0100
  var counts: [UInt16] = [1, 0, 0, 0]
  var name: [UInt8]
  var type: UInt16 = 1
  var recordClass: UInt16 = 1
  var rest: [UInt8] = []

  init(_ name: String, type: UInt16 = 1, recordClass: UInt16 = 1) {
    self.name = wire(name)
    self.type = type
    self.recordClass = recordClass
  }

  /// With the record of EDNS behind the question.
  func withEDNS(version: UInt8 = 0, flags: UInt16 = 0, size: UInt16 = 4096, options: [UInt8] = []) -> TestQuery {
    var query = self
    query.counts[3] = 1
    query.rest =
      [0] + big(41) + big(size) + [0, version] + big(flags) + big(UInt16(options.count)) + options
    return query
  }

  var bytes: [UInt8] {
    big(id) + big(flags) + counts.flatMap(big) + question + rest
  }

  var question: [UInt8] { name + big(type) + big(recordClass) }
}

func big(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xff)] }

func wire(_ name: String) -> [UInt8] {
  name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
}

/// An answer, read without the code under test.
struct TestAnswer {
  struct Record: Equatable {
    var name: [UInt8]
    var type: UInt16
    var recordClass: UInt16
    var lifetime: UInt32
    var data: [UInt8]
  }

  var id: UInt16
  var flags: UInt16
  var question: [UInt8] = []
  var answers: [Record] = []
  var authorities: [Record] = []
  var additional: [Record] = []

  /// - Returns: `nil` unless the bytes are one whole answer and nothing more.
  init?(_ bytes: [UInt8]) {
    var reader = Reader(bytes: bytes)
    guard let id = reader.integer(), let flags = reader.integer(), let questions = reader.integer(),
      let answers = reader.integer(), let authorities = reader.integer(), let additional = reader.integer()
    else { return nil }
    (self.id, self.flags) = (id, flags)
    for _ in 0..<questions {
      guard let name = reader.name(), let type = reader.take(4) else { return nil }
      question += name + type
    }
    for _ in 0..<answers { self.answers.append(contentsOf: reader.record().map { [$0] } ?? []) }
    for _ in 0..<authorities { self.authorities.append(contentsOf: reader.record().map { [$0] } ?? []) }
    for _ in 0..<additional { self.additional.append(contentsOf: reader.record().map { [$0] } ?? []) }
    guard self.answers.count == answers, self.authorities.count == authorities, self.additional.count == additional,
      reader.offset == bytes.count
    else { return nil }
  }

  var code: UInt16 { flags & 0xf | (additional.first.map { UInt16($0.lifetime >> 24) << 4 } ?? 0) }
  var isAnswer: Bool { flags & 0x8000 != 0 }
  var isCut: Bool { flags & 0x0200 != 0 }

  private struct Reader {
    var bytes: [UInt8]
    var offset = 0

    mutating func take(_ count: Int) -> [UInt8]? {
      guard bytes.count - offset >= count else { return nil }
      defer { offset += count }
      return Array(bytes[offset..<(offset + count)])
    }

    mutating func integer() -> UInt16? { take(2).map { UInt16($0[0]) << 8 | UInt16($0[1]) } }

    mutating func name() -> [UInt8]? {
      var name: [UInt8] = []
      while let length = take(1)?.first {
        if length & 0xc0 == 0xc0 { return take(1).map { name + [length] + $0 } }
        guard let label = take(Int(length)) else { return nil }
        name += [length] + label
        if length == 0 { return name }
      }
      return nil
    }

    mutating func record() -> Record? {
      guard let name = name(), let type = integer(), let recordClass = integer(), let high = integer(),
        let low = integer(), let length = integer(), let data = take(Int(length))
      else { return nil }
      return Record(
        name: name, type: type, recordClass: recordClass, lifetime: UInt32(high) << 16 | UInt32(low), data: data)
    }
  }
}

func address(_ text: String) throws -> IPv4Address { try parsed(text) }

func parsed<Value: ParsedText>(_ text: String) throws -> Value {
  guard let value = Value(text) else { throw Refused(text: text) }
  return value
}

struct Refused: Error { var text: String }

/// Agent .2 with some names, agent .6 with one other; names resolve to 10.64.255.253.
struct Fixture {
  let resolver: Resolver
  let agent: IPv4Address
  let other: IPv4Address
  let host: IPv4Address

  init() throws {
    agent = try address("10.64.0.2")
    other = try address("10.64.0.6")
    host = try address("10.64.255.253")
    let table = ResolverTable(
      version: try parsed("v7"), address: host,
      agents: [
        ResolverTable.Agent(
          address: agent, hosts: [try parsed("api.example.com"), try parsed("*.example.org")],
          names: [try parsed("api.lobstack.internal"), try parsed("api.anthropic.com.lobstack.internal")]),
        ResolverTable.Agent(address: other, hosts: [try parsed("other.example.net")], names: []),
      ])
    resolver = Resolver(table: table)
  }

  func reply(_ query: TestQuery, from source: IPv4Address? = nil, isHost: Bool = false) -> Resolver.Reply {
    resolver.reply(to: query.bytes[...], from: source ?? agent, isHost: isHost)
  }

  func answer(_ query: TestQuery, from source: IPv4Address? = nil, isHost: Bool = false) -> TestAnswer? {
    reply(query, from: source, isHost: isHost).message.flatMap(TestAnswer.init)
  }
}
