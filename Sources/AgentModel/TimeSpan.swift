/// A length of time as people write it: a whole number of seconds, minutes, hours or days, `90s`, `30m`, `12h`, `7d`.
package enum TimeSpan {
  private static let units: [Character: Int] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]

  /// - Returns: seconds; `nil` for anything else, a number of more than nine digits among it.
  package static func seconds(_ text: String) -> Int? {
    let digits = text.dropLast()
    guard let unit = text.last.flatMap({ units[$0] }), (1...9).contains(digits.utf8.count),
      digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int(digits)
    else { return nil }
    return count * unit
  }
}
