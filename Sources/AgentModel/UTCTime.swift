import FoundationEssentials

/// A second of UTC as RFC 3339 §5.6 writes it: `2026-12-01T12:00:00Z`.
package struct UTCTime: ParsedText {
  package let description: String
  package let date: Date
  package static let rule = "a time in UTC such as 2026-12-01T12:00:00Z"

  package init?(_ text: String) {
    // One spelling for each second: what is parsed has to be what would be written.
    guard let date = try? Date(text, strategy: .iso8601), date.formatted(.iso8601) == text else { return nil }
    self.date = date
    description = text
  }

  /// The second that a time is in.
  package init(_ date: Date) {
    self.date = Date(timeIntervalSince1970: date.timeIntervalSince1970.rounded(.down))
    description = self.date.formatted(.iso8601)
  }

  package static func < (left: UTCTime, right: UTCTime) -> Bool { left.date < right.date }
}
