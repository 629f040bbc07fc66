/// The first bytes of a message, as far as an answer needs them (RFC 1035 §4.1.1).
struct QueryHeader: Hashable, Sendable {
  static let length = 12

  var id: UInt16
  var flags: UInt16

  var isResponse: Bool { flags & 0x8000 != 0 }
  var operation: UInt8 { UInt8(truncatingIfNeeded: flags >> 11 & 0xf) }
}

/// A question of a well-formed message.
struct Query: Hashable, Sendable {
  struct Extensions: Hashable, Sendable {
    var version: UInt8
    /// DNSSEC OK (RFC 3225): copied to the answer.
    var wantsSignatures: Bool
  }

  var header: QueryHeader
  /// The question as it came: letters keep the case that the sender chose, by which it knows its answer.
  var question: ArraySlice<UInt8>
  var name: DomainName
  var type: RecordType
  var recordClass: UInt16
  /// `nil` when the sender does not speak EDNS.
  var extensions: Extensions?
}

/// What the bytes of a message turned out to be.
enum ReadMessage: Hashable, Sendable {
  /// Gets no answer: too short to name one, or itself an answer, which answered could go round for ever.
  case unanswerable
  /// Is no query (RFC 1035 §4.1.1: inverse query, status, update, …).
  case otherOperation(QueryHeader)
  /// Breaks a rule; gets FORMERR.
  case malformed(QueryHeader)
  case query(Query)

  /// Longest message that is read, in bytes; longer ones are malformed. A query with all that EDNS adds has some 300;
  /// padding (RFC 8467 §4.1) fills it up to a multiple of 128.
  static let longest = 4096
  private static let optionRecord = RecordType(41)

  /// Reads a message from a sender who may be hostile.
  ///
  /// Exactly one question (RFC 9619), no record but one of EDNS (RFC 6891), nothing behind the end. The work is linear
  /// in the message's length, and nothing is allocated by a length that stands in it.
  init(_ message: ArraySlice<UInt8>) {
    guard let header = Self.header(of: message), !header.isResponse else {
      self = .unanswerable
      return
    }
    guard header.operation == 0 else {
      self = .otherOperation(header)
      return
    }
    self = Self.query(message, header).map(Self.query) ?? .malformed(header)
  }

  private static func header(of message: ArraySlice<UInt8>) -> QueryHeader? {
    guard message.count >= QueryHeader.length, let id = message.integer16(at: 0), let flags = message.integer16(at: 2)
    else { return nil }
    return QueryHeader(id: id, flags: flags)
  }

  private static func query(_ message: ArraySlice<UInt8>, _ header: QueryHeader) -> Query? {
    guard message.count <= longest, message.integer16(at: 4) == 1, message.integer16(at: 6) == 0,
      message.integer16(at: 8) == 0, let additional = message.integer16(at: 10), additional <= 1
    else { return nil }
    let body = message.dropFirst(QueryHeader.length)
    guard let name = DomainName(body) else { return nil }
    let nameLength = name.bytes.count
    guard let type = body.integer16(at: nameLength), let recordClass = body.integer16(at: nameLength + 2) else {
      return nil
    }
    let rest = body.dropFirst(nameLength + 4)
    var query = Query(
      header: header, question: body.prefix(nameLength + 4), name: name, type: RecordType(type),
      recordClass: recordClass)
    // No record of these types exists: 0 is reserved, the other belongs to EDNS alone.
    guard type != 0, query.type != optionRecord else { return nil }
    guard additional == 1 else { return rest.isEmpty ? query : nil }
    guard let extensions = extensions(rest) else { return nil }
    query.extensions = extensions
    return query
  }

  /// Reads the record of EDNS (RFC 6891 §6.1.2), which must fill the bytes. Its options, padding too, are well formed
  /// but of no interest: each of them may be left without an answer.
  private static func extensions(_ record: ArraySlice<UInt8>) -> Query.Extensions? {
    guard record.first == 0, record.integer16(at: 1) == optionRecord.number, let codes = record.integer16(at: 5),
      let flags = record.integer16(at: 7), let length = record.integer16(at: 9)
    else { return nil }
    var options = record.dropFirst(11)
    guard options.count == length else { return nil }
    while !options.isEmpty {
      guard let size = options.integer16(at: 2), options.count >= 4 + Int(size) else { return nil }
      options = options.dropFirst(4 + Int(size))
    }
    return Query.Extensions(version: UInt8(truncatingIfNeeded: codes), wantsSignatures: flags & 0x8000 != 0)
  }
}

extension ArraySlice<UInt8> {
  /// The integer of the network's byte order at an offset; `nil` when the bytes are not all there.
  fileprivate func integer16(at offset: Int) -> UInt16? {
    guard count >= offset + 2 else { return nil }
    return UInt16(self[startIndex + offset]) << 8 | UInt16(self[startIndex + offset + 1])
  }
}
