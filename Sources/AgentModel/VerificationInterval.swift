/// How often the controls of a platform are attacked by itself.
package struct VerificationInterval: ParsedText {
  package let description: String
  /// `nil` for never.
  package let seconds: Int?
  package static let rule = "'off', or a time between 1 minute and 31 days: 90m, 6h, 1d"

  package static let `default` = VerificationInterval(description: "6h", seconds: 6 * 3600)
  package static let off = VerificationInterval(description: "off", seconds: nil)

  /// Not less than what a run takes; not more than auditors let pass between two proofs of a control.
  private static let allowed = 60...31 * 86_400

  package init?(_ text: String) {
    if text == "off" || text == "0" {
      self = .off
      return
    }
    guard let seconds = TimeSpan.seconds(text), Self.allowed.contains(seconds) else { return nil }
    self.init(description: text, seconds: seconds)
  }

  private init(description: String, seconds: Int?) {
    self.description = description
    self.seconds = seconds
  }
}
