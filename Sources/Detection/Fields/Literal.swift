import Glibc

/// A constant that a field is compared with, read by the field's type.
enum Literal: Hashable, Sendable {
  case signed(Int64)
  case unsigned(UInt64)
  case double(Double)
  case bool(Bool)
  case bytes([UInt8])
  case address(IPAddress)
  case network(IPNetwork)

  /// Falco's room for one value, in bytes, with a closing NUL.
  private static let longest = 256

  /// - Throws: `FieldError` in Falco's words.
  init(_ constant: ByteText, type: ValueType, comparison: Comparison, field: FieldReference?) throws(FieldError) {
    let text = constant.text
    if let field, field.definition.name == "evt.rawarg", let number = type.numberWithoutRawConstants {
      throw FieldError("wrong parameter type \(number)")
    }
    if comparison.operator == .bcontains || comparison.operator == .bstartswith {
      guard let bytes = Self.hexBytes(text) else {
        throw FieldError("filter error: bcontains and bstartswith operator support hex strings only")
      }
      guard bytes.count < Self.longest else { throw FieldError("filter parameter too long (byte buf)") }
      self = .bytes(bytes)
      return
    }
    if type != .bytes, constant.bytes.contains(0) {
      throw FieldError("filter error: filter value cannot contain a NUL byte (\\x00)")
    }
    self = try Self.parse(constant, type: type)
    if let field { try Self.check(text, comparison: comparison, field: field) }
  }

  private static func parse(_ constant: ByteText, type: ValueType) throws(FieldError) -> Literal {
    let text = constant.text
    switch type.family {
    case .signed, .double:
      let bits = type == .double ? 32 : type.bits
      guard let number = ScannedNumber.signed(text, bits: bits) else {
        throw FieldError("\(text) is not a valid number")
      }
      return type == .double ? .double(Double(number)) : .signed(number)
    case .unsigned:
      if type == .port { return .unsigned(try port(text)) }
      guard let number = ScannedNumber.unsigned(text, bits: type.bits) else {
        throw FieldError("\(text) is not a valid number")
      }
      return .unsigned(number)
    case .bool:
      guard text == "true" || text == "false" else {
        throw FieldError("filter error: unrecognized boolean value \(text)")
      }
      return .bool(text == "true")
    case .string:
      guard constant.bytes.count < longest else {
        throw FieldError("filter parameter too long (used=\(constant.bytes.count + 1), available=\(longest)):\(text)")
      }
      return .bytes(constant.bytes)
    case .bytes:
      guard constant.bytes.count < longest else { throw FieldError("filter parameter too long (byte buf)") }
      return .bytes(constant.bytes)
    case .address:
      // With a dot in it Falco takes it for IPv4 in any case: ::1.2.3.4 is none to it.
      let isV4 = type == .addressV4 || text.utf8.contains(UInt8(ascii: "."))
      guard let address = IPAddress(text), address.isV6 != isV4 else {
        throw FieldError("unrecognized \(isV4 ? "IPv4" : "IPv6") address \(text)")
      }
      return .address(address)
    case .network:
      return .network(try IPNetwork(text))
    case .other:
      throw FieldError("wrong parameter type \(type.rawValue)")
    }
  }

  private static func port(_ text: String) throws(FieldError) -> UInt64 {
    if text.isEmpty { return 0 }
    guard text.utf8.allSatisfy(ConditionScanner.isDigit) else {
      guard let port = wellKnownPorts[text] else { throw FieldError("unrecognized protocol \(text)") }
      return port
    }
    // "stoi" is the whole of what Falco says.
    guard let number = Int32(text) else { throw FieldError("stoi") }
    return UInt64(UInt16(truncatingIfNeeded: number))
  }

  /// The services that rules name (IANA's registry); others are to be given by number.
  private static let wellKnownPorts: [String: UInt64] = [
    "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "http": 80, "pop3": 110, "ntp": 123, "imap2": 143,
    "snmp": 161, "irc": 194, "ldap": 389, "https": 443, "submission": 587, "ldaps": 636, "imaps": 993, "pop3s": 995,
    "socks": 1080, "mysql": 3306, "postgresql": 5432, "amqp": 5672, "x11": 6000, "http-alt": 8080,
  ]

  private static func check(_ text: String, comparison: Comparison, field: FieldReference) throws(FieldError) {
    // A name of nothing is known to Falco, and no event has it.
    if field.name == "evt.type", !text.isEmpty, EventType(text) == nil {
      throw FieldError("unknown event type \(text)")
    }
    if field.definition.name == "evt.around", comparison.operator != .equal {
      throw FieldError("evt.around supports only '=' comparison operator")
    }
  }

  private static func hexBytes(_ text: String) -> [UInt8]? {
    let digits = text.utf8.map(StringEscapes.hexDigit)
    guard digits.count % 2 == 0, !digits.contains(nil) else { return nil }
    let values = digits.compactMap { $0 }
    return stride(from: 0, to: values.count, by: 2).map { values[$0] << 4 | values[$0 + 1] }
  }
}
