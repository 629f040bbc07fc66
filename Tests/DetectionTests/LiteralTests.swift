import Testing

@testable import Detection

@Suite("A constant that a field is compared with")
struct LiteralTests {
  private func literal(
    _ text: String, _ type: ValueType, _ comparison: Comparison.Operator = .equal
  ) throws -> Literal {
    try Literal(ByteText(text), type: type, comparison: Comparison(comparison), field: nil)
  }

  @Test(
    "is a number, cut to the bits of its type as sscanf does",
    arguments: [
      ("5", .int64, .signed(5)), ("-5", .int64, .signed(-5)), ("+7", .process, .signed(7)),
      (" 7", .int64, .signed(7)),
      ("9223372036854775808", .int64, .signed(.max)), ("-9223372036854775809", .int64, .signed(.min)),
      ("70000", .int16, .signed(4_464)), ("2147483648", .int32, .signed(-2_147_483_648)),
      ("300", .int8, .signed(44)),
      ("-1", .uint32, .unsigned(4_294_967_295)), ("4294967296", .uint32, .unsigned(0)), ("256", .uint8, .unsigned(0)),
      ("18446744073709551615", .uint64, .unsigned(.max)), ("18446744073709551616", .uint64, .unsigned(.max)),
      ("5", .double, .double(5)), ("1000", .relativeTime, .unsigned(1_000)),
    ] as [(String, ValueType, Literal)])
  func number(text: String, type: ValueType, value: Literal) throws { #expect(try literal(text, type) == value) }

  @Test(
    "is no number with anything else in it",
    arguments: ["", "abc", "7 ", "7.5", "0x10", "1e3", "--1", "1_000", "٣"])
  func noNumber(text: String) throws {
    for type in [ValueType.int64, .uint64, .double, .errno, .mode] {
      let error = try #require(throws: FieldError.self) { _ = try literal(text, type) }
      #expect(error.message == "\(text) is not a valid number")
    }
  }

  @Test(
    "is a port by number or by name",
    arguments: [("22", 22), ("ssh", 22), ("https", 443), ("65535", 65_535), ("65536", 0), ("", 0), ("0080", 80)]
      as [(String, UInt64)])
  func port(text: String, number: UInt64) throws { #expect(try literal(text, .port) == .unsigned(number)) }

  @Test(
    "is no port",
    arguments: [
      ("-1", "unrecognized protocol -1"), ("nosuchservice", "unrecognized protocol nosuchservice"),
      ("99999999999", "stoi"), ("SSH", "unrecognized protocol SSH"),
    ])
  func noPort(text: String, message: String) throws {
    let error = try #require(throws: FieldError.self) { _ = try literal(text, .port) }
    #expect(error.message == message)
  }

  @Test("is true or false, in small letters") func bool() throws {
    #expect(try literal("true", .bool) == .bool(true))
    #expect(try literal("false", .bool) == .bool(false))
    for text in ["True", "1", "yes", "", "true "] {
      let error = try #require(throws: FieldError.self) { _ = try literal(text, .bool) }
      #expect(error.message == "filter error: unrecognized boolean value \(text)")
    }
  }

  @Test(
    "is an address", arguments: ["10.0.0.1", "255.255.255.255", "0.0.0.0", "::", "::1", "2001:db8::1", "fe80::1:2:3:4"])
  func address(text: String) throws {
    let address = try #require(IPAddress(text))
    #expect(address.description == text)
    #expect(address.isV6 == text.contains(":"))
    #expect(try literal(text, .address) == .address(address))
  }

  @Test(
    "is no address",
    arguments: [
      ("10.0.0.256", "unrecognized IPv4 address 10.0.0.256"), ("10.0.0", "unrecognized IPv4 address 10.0.0"),
      ("10.0.0.1.2", "unrecognized IPv4 address 10.0.0.1.2"), ("1", "unrecognized IPv6 address 1"),
      ("", "unrecognized IPv6 address "), ("localhost", "unrecognized IPv6 address localhost"),
      ("fe80::1%eth0", "unrecognized IPv6 address fe80::1%eth0"), (":::", "unrecognized IPv6 address :::"),
      ("10.0.0.1/8", "unrecognized IPv4 address 10.0.0.1/8"),
      ("::ffff:", "unrecognized IPv6 address ::ffff:"), ("1::2::3", "unrecognized IPv6 address 1::2::3"),
      ("1.2.3", "unrecognized IPv4 address 1.2.3"), ("::1.2.3.4", "unrecognized IPv4 address ::1.2.3.4"),
      ("::ffff:1.2.3.4", "unrecognized IPv4 address ::ffff:1.2.3.4"),
      ("1:2:3:4:5:6:7:1.2.3.4", "unrecognized IPv4 address 1:2:3:4:5:6:7:1.2.3.4"),
    ])
  func noAddress(text: String, message: String) throws {
    let error = try #require(throws: FieldError.self) { _ = try literal(text, .address) }
    #expect(error.message == message)
  }

  @Test(
    "is an address where inet_pton(3) takes it",
    arguments: [
      ("::ffff:", nil), ("1::2::3", nil), (":::", nil), ("1.2.3", nil), ("1:2:3:4:5:6:7:1.2.3.4", nil), ("::1:", nil),
      (":1", nil), ("1:", nil), ("12345::", nil), ("1:2:3:4:5:6:7:8:", nil), ("01.2.3.4", nil), ("1.2.3.4.", nil),
      ("1.2.3.4\0", nil), ("::1\0", nil), ("", nil), (" ::1", nil), ("::1.2.3.4", "::1.2.3.4"),
      ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"), ("::ffff:1.2.3.4", "::ffff:1.2.3.4"), ("::FFFF", "::ffff"),
      ("0:0:0:0:0:0:0:1", "::1"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
    ] as [(String, String?)])
  func address(text: String, printed: String?) { #expect(IPAddress(text)?.description == printed) }

  @Test("is of IPv4 where the field is") func v4() throws {
    #expect(try literal("1.2.3.4", .addressV4) == .address(IPAddress(v4: 0x0102_0304)))
    let error = try #require(throws: FieldError.self) { _ = try literal("::1", .addressV4) }
    #expect(error.message == "unrecognized IPv4 address ::1")
  }

  @Test(
    "is a network, which holds its addresses",
    arguments: [
      ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0", "::a00:0"]),
      ("10.1.2.3/8", ["10.0.0.0"], ["11.1.2.3"]), ("0.0.0.0/0", ["1.2.3.4", "0.0.0.0"], ["::", "::1"]),
      ("10.0.0.1/32", ["10.0.0.1"], ["10.0.0.0", "10.0.0.2"]), ("10.0.0.1/288", ["10.0.0.1"], ["10.0.0.2"]),
      ("169.254.0.0/16", ["169.254.169.254"], ["169.253.255.255", "169.255.0.0"]),
      ("10.0.0.128/25", ["10.0.0.128", "10.0.0.255"], ["10.0.0.127"]),
      ("fe80::/10", ["fe80::1", "febf::1"], ["fec0::1", "10.0.0.1"]), ("::1/128", ["::1"], ["::", "::2"]),
      ("2001:db8::/64", ["2001:db8::ffff"], ["2001:db8:0:1::"]),
      ("2001:db8::/65", ["2001:db8::1"], ["2001:db8::8000:0:0:0"]),
      ("::/1", ["::1", "7fff::"], ["8000::", "0.0.0.0"]),
    ] as [(String, [String], [String])])
  func network(text: String, inside: [String], outside: [String]) throws {
    guard case .network(let network) = try literal(text, .network) else {
      Issue.record("\(text) is no network")
      return
    }
    for (addresses, isInside) in [(inside, true), (outside, false)] {
      for text in addresses {
        let address = try #require(IPAddress(text))
        #expect(
          network.contains(isV6: address.isV6, high: address.high, low: address.low) == isInside, "\(text)")
      }
    }
  }

  @Test(
    "is no network",
    arguments: [
      ("10.0.0.0", "unrecognized IP network 10.0.0.0"), ("10.0.0.0/33", "invalid netmask 33"),
      ("10.0.0/8", "unrecognized IP address 10.0.0/8"), ("10.0.0.1/x", "x is not a valid number"),
      ("::1", "invalid v6 netmask: ::1"), ("::/0", "invalid v6 netmask 0"), ("::/129", "invalid v6 netmask 129"),
      ("x/8", "unrecognized IPv6 address x/8"), ("::1/-1", "invalid v6 netmask -1"), ("::1/", " is not a valid number"),
    ])
  func noNetwork(text: String, message: String) throws {
    let error = try #require(throws: FieldError.self) { _ = try literal(text, .network) }
    #expect(error.message == message)
  }

  @Test("is text or bytes of at most 255") func long() throws {
    let fits = String(repeating: "é", count: 127) + "a"
    #expect(try literal(fits, .string) == .bytes(Array(fits.utf8)))
    #expect(try literal(fits, .path) == .bytes(Array(fits.utf8)))
    #expect(try literal(fits, .bytes) == .bytes(Array(fits.utf8)))
    let string = try #require(throws: FieldError.self) { _ = try literal(fits + "b", .string) }
    #expect(string.message == "filter parameter too long (used=257, available=256):\(fits)b")
    let bytes = try #require(throws: FieldError.self) { _ = try literal(fits + "b", .bytes) }
    #expect(bytes.message == "filter parameter too long (byte buf)")
    #expect(try literal(String(repeating: "ab", count: 255), .bytes, .bcontains) != .bytes([]))
    let hex = try #require(throws: FieldError.self) {
      _ = try literal(String(repeating: "ab", count: 256), .bytes, .bcontains)
    }
    #expect(hex.message == "filter parameter too long (byte buf)")
  }

  @Test("is in hexadecimal for bcontains and bstartswith") func hexadecimal() throws {
    #expect(try literal("CAfe00", .bytes, .bcontains) == .bytes([0xca, 0xfe, 0]))
    #expect(try literal("", .bytes, .bstartswith) == .bytes([]))
    for text in ["616", "6G", "0x61", "61 62"] {
      let error = try #require(throws: FieldError.self) { _ = try literal(text, .bytes, .bstartswith) }
      #expect(error.message == "filter error: bcontains and bstartswith operator support hex strings only")
    }
  }

  @Test("holds a NUL only among bytes") func nul() throws {
    #expect(try literal("a\0b", .bytes) == .bytes([0x61, 0, 0x62]))
    for type in [ValueType.string, .path, .int64, .address, .bool] {
      let error = try #require(throws: FieldError.self) { _ = try literal("a\0b", type) }
      #expect(error.message == "filter error: filter value cannot contain a NUL byte (\\x00)")
    }
  }

  @Test("is never compared with a type that has no values of one kind") func other() throws {
    let error = try #require(throws: FieldError.self) { _ = try literal("1", .socketAddress) }
    #expect(error.message == "wrong parameter type SOCKADDR")
  }

  @Test(
    "of an event's type is one that there is",
    arguments: [
      ("evt.type = opn", "unknown event type opn"), ("evt.type in (open, opn)", "unknown event type opn"),
      ("evt.type contains op", "unknown event type op"), ("evt.type = <NA>", "unknown event type <NA>"),
      ("evt.type != Open", "unknown event type Open"),
      ("evt.around[100] != 5", "evt.around supports only '=' comparison operator"),
      ("syscall.type = nope", nil), ("evt.type = epoll_ctl", nil),
    ] as [(String, String?)])
  func eventType(condition: String, message: String?) { #expect(LoadedRules.objection(to: condition) == message) }

  @Test("keeps bytes that are no UTF-8") func rawBytes() throws {
    guard case .comparison(_, _, .value(let constant, _), _) = try ConditionParser.parse("proc.name = \"a\\xff\"")
    else {
      Issue.record("not a comparison")
      return
    }
    #expect(constant.bytes == [UInt8(ascii: "a"), 0xff])
    #expect(try Literal(constant, type: .string, comparison: Comparison(.equal), field: nil) == .bytes(constant.bytes))
    let many = { (count: Int) in "proc.name = \"" + String(repeating: "\\xff", count: count) + "\"" }
    #expect(LoadedRules.objection(to: many(255)) == nil)
    #expect(
      LoadedRules.objection(to: many(256))?.hasPrefix("filter parameter too long (used=257, available=256)") == true)
    #expect(LoadedRules.objection(to: "proc.name regex \"\\xff\"") == "invalid regex pattern: invalid UTF-8")
    #expect(LoadedRules.objection(to: "proc.name regex \"\\xc3\\xa9\"") == nil)
  }

  @Test(
    "is none for raw arguments of some types",
    arguments: [
      ("evt.rawarg.data = x", 10), ("evt.rawarg.data bcontains 41", 10), ("evt.rawarg.data in (a, b)", 10),
      ("evt.rawarg.sig = 9", 19), ("evt.rawarg.sig in (1)", 19), ("evt.rawarg.ID = 1", 18),
    ])
  func rawArgument(condition: String, type: Int) {
    #expect(LoadedRules.objection(to: condition) == "wrong parameter type \(type)")
  }

  @Test(
    "is one for raw arguments of others, and where nothing is compared",
    arguments: ["evt.rawarg.data exists", "evt.rawarg.sig exists", "evt.rawarg.nativeID = 1", "evt.arg.data = x"])
  func rawArgument(condition: String) { #expect(LoadedRules.objection(to: condition) == nil) }

  @Test("is an event's name that Falco knows, or nothing", arguments: [("", nil), ("na_1", "unknown event type na_1")])
  func eventName(name: String, message: String?) {
    #expect(LoadedRules.objection(to: "evt.type = \"\(name)\"") == message)
  }
}
