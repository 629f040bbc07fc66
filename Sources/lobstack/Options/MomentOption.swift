import APIModel
import ArgumentParser
import Foundation

/// A time in the past: `2026-01-31T12:00:00Z` (RFC 3339), or how long ago, as `90s`, `30m`, `12h` or `7d`.
struct MomentOption: ExpressibleByArgument {
  let date: Date

  init?(argument: String) { self.init(argument, now: .now) }

  init?(_ text: String, now: Date) {
    let units: [Character: Double] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
    let digits = text.dropLast()
    if let unit = text.last.flatMap({ units[$0] }), (1...9).contains(digits.count),
      digits.allSatisfy({ ("0"..."9").contains($0) }), let count = Double(digits)
    {
      date = now.addingTimeInterval(-count * unit)
    } else if let moment = APIJSON.date(text) {
      date = moment
    } else {
      return nil
    }
  }
}
