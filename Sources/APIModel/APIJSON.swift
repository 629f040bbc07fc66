import FoundationEssentials

/// The one way that resources become JSON, so that server, client and command line agree on dates and escapes.
///
/// Dates are RFC 3339 in UTC with milliseconds; keys are sorted, so that output can be compared.
package enum APIJSON {
  package static func encode(_ value: some Encodable, pretty: Bool = false) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
    encoder.dateEncodingStrategy = .custom { date, encoder in
      var container = encoder.singleValueContainer()
      try container.encode(Self.text(date))
    }
    return Array(try encoder.encode(value))
  }

  package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: some Sequence<UInt8>) throws -> Value {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .custom { decoder in
      let container = try decoder.singleValueContainer()
      let text = try container.decode(String.self)
      if let date = Self.date(text) { return date }
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is not a time: write 2026-01-31T12:00:00Z (RFC 3339)")
    }
    return try decoder.decode(type, from: Data(bytes))
  }

  /// A time as JSON has it: `2026-01-31T12:00:00.000Z`.
  package static func text(_ date: Date) -> String { date.formatted(timestamp) }

  /// - Returns: `nil` for what is no time of RFC 3339.
  package static func date(_ text: String) -> Date? {
    // Both forms are tried because a peer may leave out the fraction; whoever asked knows what to say of neither.
    (try? timestamp.parse(text)) ?? (try? Date.ISO8601FormatStyle().parse(text))
  }

  private static let timestamp = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
}
