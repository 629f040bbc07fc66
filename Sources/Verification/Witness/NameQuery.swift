/// A DNS query and what comes back (RFC 1035 §4).
package struct NameQuery: Sendable {
  var name: String
  /// 1 is A, 16 is TXT, 28 is AAAA.
  var type: UInt16
  /// By which the answer is known.
  var id: UInt16

  package init(name: String, type: UInt16 = 1, id: UInt16 = .random(in: .min ... .max)) {
    self.name = name
    self.type = type
    self.id = id
  }

  package var bytes: [UInt8] {
    let labels = name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
    return [UInt8(id >> 8), UInt8(id & 0xff), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + labels
      + [0, UInt8(type >> 8), UInt8(type & 0xff), 0, 1]
  }

  /// As TCP carries it, with its length before it.
  package var framed: [UInt8] { [UInt8(bytes.count >> 8), UInt8(bytes.count & 0xff)] + bytes }
}

/// An answer, as far as a witness needs it.
package struct NameAnswer: Sendable, Hashable {
  /// 0 is "here it is", 3 "no such name", 5 "refused".
  package let code: UInt8
  package let records: Int
  /// Last four bytes of a record of type A at the end of the message.
  package let address: IPAddress?

  /// - Parameter query: the whole message that was sent.
  /// - Returns: `nil` for bytes that are no answer to it.
  package init?(_ bytes: [UInt8], to query: [UInt8]) {
    guard bytes.count >= 12, bytes[2] & 0x80 != 0, bytes[..<2] == query[..<2] else { return nil }
    // What could not be read is answered without its question.
    let question = query[12...]
    guard bytes[4..<6] == [0, 0] || bytes[12...].starts(with: question) else { return nil }
    code = bytes[3] & 0x0f
    records = Int(bytes[6]) << 8 | Int(bytes[7])
    let tail = bytes.suffix(14)
    // Name by pointer, type A, class IN, TTL, length 4; what follows it in a message of ours is EDNS of 11 bytes.
    let ends = [bytes.count, bytes.count - 11].filter { $0 >= 28 }
    address =
      tail.isEmpty || records == 0
      ? nil
      : ends.compactMap { end in
        bytes[(end - 14)..<(end - 12)] == [0, 1] && bytes[(end - 6)..<(end - 4)] == [0, 4]
          ? IPAddress(bytes: bytes[(end - 4)..<end]) : nil
      }.first
  }
}
