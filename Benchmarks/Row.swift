import Foundation

/// Times of one thing done many times, in milliseconds.
struct Samples {
  private let sorted: [Double]

  init(_ values: [Double]) { sorted = values.sorted() }

  init(_ durations: [Duration]) { self.init(durations.map(\.inMilliseconds)) }

  var count: Int { sorted.count }
  var p50: Double { percentile(0.5) }
  var p99: Double { percentile(0.99) }

  /// The nearest rank: a value that was measured, never one between two.
  private func percentile(_ share: Double) -> Double {
    guard !sorted.isEmpty else { return .nan }
    return sorted[min(sorted.count - 1, max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1))]
  }
}

/// One line of the table.
struct Row {
  var what: String
  var figure: String
  /// What it was measured against, in the same run.
  var peer = ""
  var ratio = ""
  /// What `SPECIFICATION.md` sets as a goal.
  var goal = ""

  /// Ours against a peer's; the ratios are those of the medians and of the 99th percentiles.
  static func compare(_ what: String, _ ours: Samples, _ peerName: String, _ peer: Samples, goal: String = "") -> Row {
    Row(
      what: what, figure: text(ours), peer: "\(peerName): \(text(peer))",
      ratio: String(format: "%.2f / %.2f", ours.p50 / peer.p50, ours.p99 / peer.p99), goal: goal)
  }

  static func text(_ samples: Samples) -> String {
    String(format: "p50 %.2f ms, p99 %.2f ms (%d)", samples.p50, samples.p99, samples.count)
  }

  static func table(_ rows: [Row]) -> String {
    let lines =
      [["WHAT", "MEASURED", "PEER", "RATIO p50 / p99", "GOAL"]]
      + rows.map {
        [$0.what, $0.figure, $0.peer, $0.ratio, $0.goal]
      }
    let widths = (0..<5).map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { line in
      zip(line, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
        .trimmingCharacters(in: .whitespaces)
    }.joined(separator: "\n")
  }
}

extension Duration {
  var inMilliseconds: Double { Double(components.seconds) * 1e3 + Double(components.attoseconds) / 1e15 }
}
