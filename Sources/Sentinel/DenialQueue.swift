import APIModel
import Foundation
import NameResolution
import NetworkIsolation

/// What waits to be reported, in bounded room.
struct DenialQueue: Sendable {
  /// Kinds of denials that wait at most; later ones are only counted.
  static let longest = 5_000

  private enum Entry: Sendable {
    case packets(Denial)
    case attempts(DeniedAttempt)

    var count: Int {
      switch self {
      case .packets(let denial): denial.count
      case .attempts(let attempt): attempt.count
      }
    }
  }

  private var entries: [Entry] = []
  private var untold = 0
  private var batchLength = 0
  private var batchUntold = 0

  var isEmpty: Bool { entries.isEmpty && untold == 0 }

  mutating func add(_ contents: DenialWindow.Contents) {
    add(contents.denials.map(Entry.packets))
    untold += contents.overflow + contents.lost
  }

  mutating func add(_ contents: AttemptWindow.Contents) {
    add(contents.attempts.map(Entry.attempts))
    untold += contents.untold.values.reduce(0, +)
  }

  private mutating func add(_ more: [Entry]) {
    let taken = more.prefix(Self.longest - entries.count)
    entries += taken
    untold += more.dropFirst(taken.count).reduce(0) { $0 + $1.count }
  }

  /// The next report, oldest first; `nil` when nothing waits. It stays queued until `removeBatch`.
  ///
  /// Whose packet it was is for the control plane to tell, from the interface that it came from or went to; whose
  /// attempt, from the source.
  mutating func batch() -> [DenialResource]? {
    guard !isEmpty else { return nil }
    batchLength = min(entries.count, DenialReport.longest - 1)
    batchUntold = untold
    var items = entries.prefix(batchLength).map { entry in
      switch entry {
      case .packets(let denial): DenialResource(denial)
      case .attempts(let attempt): DenialResource(attempt, agent: nil)
      }
    }
    if untold > 0 {
      // Silence about lost events would look like peace.
      items.append(
        DenialResource(
          time: Date(), agent: nil, rule: "untold", protocol: "", source: "", destination: "", port: nil, count: untold)
      )
    }
    return items
  }

  mutating func removeBatch() {
    entries.removeFirst(batchLength)
    untold -= batchUntold
    (batchLength, batchUntold) = (0, 0)
  }
}

extension DenialResource {
  fileprivate init(_ denial: Denial) {
    self.init(
      time: Date(timeIntervalSince1970: Double(denial.firstSeen) / 1e9),
      agent: nil, interface: denial.key.interface, rule: denial.key.rule, protocol: denial.key.protocol,
      source: denial.key.source,
      destination: denial.key.destination, port: denial.key.port, count: denial.count)
  }
}
