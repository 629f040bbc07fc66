import AgentModel
import Testing

@Suite("The interval of verifications") struct VerificationIntervalTests {
  @Test("is a time, or off", arguments: [("60s", 60), ("1m", 60), ("90m", 5400), ("6h", 21_600), ("31d", 2_678_400)])
  func parses(text: String, seconds: Int) throws {
    let interval = try #require(VerificationInterval(text))
    #expect(interval.seconds == seconds && interval.description == text)
  }

  @Test("is off by two words") func off() {
    #expect(VerificationInterval("off") == .off && VerificationInterval("0") == .off)
    #expect(VerificationInterval.default == VerificationInterval("6h"))
  }

  @Test(
    "is nothing else",
    arguments: [
      "", "s", "6", "59s", "0m", "32d", "-1h", "+6h", "6 h", "6H", "1.5h", "٦h", "6h ", "OFF", "999999999d",
      "99999999d",
      "6hh", "9999999999d",
    ])
  func refuses(text: String) { #expect(VerificationInterval(text) == nil) }
}
