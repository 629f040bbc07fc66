import APIModel
import AgentModel
import ArgumentParser
import Foundation

/// A time in the past: `2026-01-31T12:00:00Z` (RFC 3339), or how long ago, as `90s`, `30m`, `12h` or `7d`.
struct MomentOption: ExpressibleByArgument {
  let date: Date

  init?(argument: String) { self.init(argument, now: .now) }

  init?(_ text: String, now: Date) {
    if let seconds = TimeSpan.seconds(text) {
      date = now.addingTimeInterval(-TimeInterval(seconds))
    } else if let moment = APIJSON.date(text) {
      date = moment
    } else {
      return nil
    }
  }
}
