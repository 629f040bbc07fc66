import AgentModel

/// How a query ended, for the one who asked (RFC 1035 §4.1.1, RFC 6891 §9).
enum ResponseCode: UInt16, Sendable {
  case noError = 0
  case malformed = 1
  /// There is an answer, and not yet: to be asked for again.
  case serverFailure = 2
  case noSuchName = 3
  case notImplemented = 4
  case refused = 5
  case badVersion = 16
}

/// An answer before it is bytes.
struct Answer: Hashable, Sendable {
  enum Record: Hashable, Sendable {
    case address(IPv4Address)
    /// Says that nobody answers ANY (RFC 8482 §4.2).
    case nothingForAny
    case text(String)
  }

  var code: ResponseCode
  var record: Record?
  /// Whether to say how long the absence of records may be remembered (RFC 2308).
  var isNegative = false

  /// Seconds that an address may be remembered.
  ///
  /// All names have the same address, so what grows old in a cache is only which names have one. A name that was taken
  /// off the list is refused by the proxy whatever a cache says; this bounds how long the reason stays unclear.
  private static let lifetime: UInt32 = 30
  /// Seconds that an absence may be remembered: a host that its owner just allowed is there for the agent at once.
  private static let negativeLifetime: UInt32 = 1
  /// Bytes that we say we take over UDP (the DNS flag day's 1232; our own answers have fewer than 512).
  private static let payloadSize: UInt16 = 1232

  /// The whole message. It has at most `longest` bytes, which is below what every sender takes over UDP (RFC 1035
  /// §2.3.4: 512), so it is never cut and TC is never set.
  func bytes(for query: Query) -> [UInt8] {
    var bytes = Self.header(
      query.header, code, counts: [1, record == nil ? 0 : 1, isNegative ? 1 : 0, query.extensions == nil ? 0 : 1])
    bytes += query.question
    if let record { Self.append(record, class: query.recordClass, to: &bytes) }
    if isNegative { Self.appendAuthority(to: &bytes) }
    if let extensions = query.extensions {
      bytes.append(0)
      bytes.append(number: UInt16(41))
      bytes.append(number: Self.payloadSize)
      bytes.append(UInt8(truncatingIfNeeded: code.rawValue >> 4))
      bytes.append(0)  // the version that we speak
      bytes.append(number: UInt16(extensions.wantsSignatures ? 0x8000 : 0))
      bytes.append(number: UInt16(0))
    }
    return bytes
  }

  /// Header, question, the longest record (a version of 64 bytes), authority, EDNS.
  static let longest = QueryHeader.length + (DomainName.longest + 4) + (12 + 65) + 33 + 11

  /// An answer to what could not be read: the header alone.
  static func bytes(for header: QueryHeader, _ code: ResponseCode) -> [UInt8] {
    Self.header(header, code, counts: [0, 0, 0, 0])
  }

  private static func header(_ query: QueryHeader, _ code: ResponseCode, counts: [UInt16]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(128)
    bytes.append(number: query.id)
    // QR and RA set; operation, RD and CD as they came. Without RA some stub resolvers take an empty answer for a
    // referral and give up on the name.
    bytes.append(number: 0x8080 | query.flags & 0x7910 | code.rawValue & 0xf)
    for count in counts { bytes.append(number: count) }
    return bytes
  }

  private static func append(_ record: Record, class recordClass: UInt16, to bytes: inout [UInt8]) {
    let (type, lifetime, data): (RecordType, UInt32, [UInt8]) =
      switch record {
      case .address(let address): (.address, Self.lifetime, address.bytes)
      case .nothingForAny: (.hardware, Self.lifetime, [7] + "RFC8482".utf8 + [0])
      case .text(let text): (.text, 0, [UInt8(truncatingIfNeeded: text.utf8.count)] + text.utf8)
      }
    bytes.append(number: UInt16(0xc000) | UInt16(QueryHeader.length))  // the question's name
    bytes.append(number: type.number)
    bytes.append(number: recordClass)
    bytes.append(number: lifetime)
    bytes.append(number: UInt16(truncatingIfNeeded: data.count))
    bytes += data
  }

  /// The start of authority of the root: all names end here, since nothing is asked elsewhere.
  private static func appendAuthority(to bytes: inout [UInt8]) {
    bytes.append(0)
    bytes.append(number: RecordType.startOfAuthority.number)
    bytes.append(number: RecordClass.internet)
    bytes.append(number: Self.negativeLifetime)
    bytes.append(number: UInt16(22))
    bytes += [0, 0]  // no name server, no mailbox to name
    for value: UInt32 in [1, 3600, 600, 86_400, Self.negativeLifetime] { bytes.append(number: value) }
  }
}

extension [UInt8] {
  /// In the network's byte order.
  fileprivate mutating func append(number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
  }
}
