import APIModel
import Foundation
import NetworkIsolation

/// What waits to be reported, in bounded room.
struct DenialQueue: Sendable {
  /// Kinds of denied packets that wait at most; later ones are only counted.
  static let longest = 5_000

  private var denials: [Denial] = []
  private var untold = 0
  private var batchLength = 0
  private var batchUntold = 0

  var isEmpty: Bool { denials.isEmpty && untold == 0 }

  mutating func add(_ contents: DenialWindow.Contents) {
    let taken = contents.denials.prefix(Self.longest - denials.count)
    denials += taken
    untold += contents.overflow + contents.lost + contents.denials.dropFirst(taken.count).reduce(0) { $0 + $1.count }
  }

  /// The next report, oldest first; `nil` when nothing waits. It stays queued until `removeBatch`.
  ///
  /// Whose packet it was is for the control plane to tell, from the interface that it came from or went to.
  mutating func batch() -> [DenialResource]? {
    guard !isEmpty else { return nil }
    batchLength = min(denials.count, DenialReport.longest - 1)
    batchUntold = untold
    var items = denials.prefix(batchLength).map { denial in
      DenialResource(
        time: Date(timeIntervalSince1970: Double(denial.firstSeen) / 1e9),
        agent: nil, interface: denial.key.interface, rule: denial.key.rule, protocol: denial.key.protocol,
        source: denial.key.source,
        destination: denial.key.destination, port: denial.key.port, count: denial.count)
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
    denials.removeFirst(batchLength)
    untold -= batchUntold
    (batchLength, batchUntold) = (0, 0)
  }
}
