/// The type of a record, or of those that a question is about (RFC 1035 §3.2.2, IANA's registry).
struct RecordType: Hashable, Sendable, CustomStringConvertible {
  let number: UInt16

  init(_ number: UInt16) { self.number = number }

  static let address = RecordType(1)
  static let startOfAuthority = RecordType(6)
  static let null = RecordType(10)
  static let hardware = RecordType(13)
  static let text = RecordType(16)
  static let address6 = RecordType(28)
  static let serviceBinding = RecordType(64)
  static let https = RecordType(65)
  static let any = RecordType(255)

  /// Asks for more than records of one type, or for a transfer (RFC 6895 §3.1).
  var isMeta: Bool { (128...254).contains(number) }

  /// `A`, `AAAA`, …, or `TYPE` and the number (RFC 3597 §5).
  var description: String { Self.names[number] ?? "TYPE\(number)" }

  private static let names: [UInt16: String] = [
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 10: "NULL", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 28: "AAAA",
    33: "SRV", 35: "NAPTR", 43: "DS", 48: "DNSKEY", 52: "TLSA", 64: "SVCB", 65: "HTTPS", 249: "TKEY", 250: "TSIG",
    251: "IXFR", 252: "AXFR", 255: "ANY", 257: "CAA",
  ]
}

/// RFC 1035 §3.2.4.
enum RecordClass {
  static let internet: UInt16 = 1
  static let chaos: UInt16 = 3
}
