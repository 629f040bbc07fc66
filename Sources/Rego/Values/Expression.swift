/// A regular expression as `regex.match` takes it, for what is asked rarely: it is compiled at each question.
package struct Expression: Sendable {
  package let text: String

  /// `nil` when it is none.
  package init?(_ text: String) {
    guard SearchExpression(text) != nil else { return nil }
    self.text = text
  }

  /// Whether a part of a text matches.
  package func matches(_ other: String) -> Bool { SearchExpression(text)?.matches(other.bytes) ?? false }
}
