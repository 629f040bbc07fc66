import APIModel
import AgentModel
import Foundation
import NameResolution

/// What of a moment's refused queries is told one by one: in bounded room, and of every agent before more of one.
struct DenialLog {
  /// Entries for one moment.
  static let longest = 100

  /// What has room, in the order of the first ones; then one entry with the number of all others.
  let entries: [DenialResource]
  let untold: Int

  /// - Parameter agent: whose an address is.
  init(_ contents: AttemptWindow.Contents, now: Date, agent: (IPv4Address) -> AgentID?) {
    var ranks: [String: Int] = [:]
    let ranked = contents.attempts.enumerated().map { place, attempt -> (rank: Int, place: Int) in
      defer { ranks[attempt.key.source, default: 0] += 1 }
      return (ranks[attempt.key.source, default: 0], place)
    }
    let told = ranked.sorted { ($0.rank, $0.place) < ($1.rank, $1.place) }.prefix(Self.longest).map(\.place)
    let places = Set(told)
    untold =
      contents.untold.values.reduce(0, +)
      + contents.attempts.enumerated().reduce(0) { places.contains($1.offset) ? $0 : $0 + $1.element.count }
    var entries = told.sorted().map { place in
      let attempt = contents.attempts[place]
      return DenialResource(attempt, agent: IPv4Address(attempt.key.source).flatMap(agent))
    }
    if untold > 0 {
      entries.append(
        DenialResource(
          time: now, agent: nil, rule: "untold", protocol: "", source: "", destination: "", port: nil, count: untold))
    }
    self.entries = entries
  }
}
