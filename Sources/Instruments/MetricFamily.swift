/// A metric as Prometheus knows it: one name, and a series for each combination of its labels' values.
///
/// Names follow Prometheus' conventions: base units (seconds, bytes), `_total` for counters.
package struct MetricFamily: Hashable, Sendable {
  package enum Kind: String, Sendable {
    case counter, gauge, histogram
  }

  package let name: String
  package let kind: Kind
  package let labels: [String]
  /// One sentence.
  package let help: String

  package init(_ kind: Kind, _ name: String, _ help: String, by labels: [String] = []) {
    self.name = name
    self.kind = kind
    self.labels = labels
    self.help = help
  }
}

/// The values of a family's labels, in their order.
package typealias LabelValues = [String]

/// Bounds how many series a family may have: values come from outside, and each series costs memory here and there.
struct SeriesTable<Value: Sendable>: Sendable {
  /// What stands for the values of all series beyond the bound.
  static var overflow: String { "other" }
  /// Bytes of a label's value; what is longer is cut.
  static var longestValue: Int { 256 }

  let most: Int
  private(set) var values: [LabelValues: Value] = [:]

  init(most: Int) { self.most = most }

  mutating func change(_ labels: LabelValues, default start: @autoclosure () -> Value, _ body: (inout Value) -> Void) {
    let labels = labels.map(Self.bounded)
    let isKnown = values[labels] != nil || values.count < most
    body(&values[isKnown ? labels : labels.map { _ in Self.overflow }, default: start()])
  }

  private static func bounded(_ value: String) -> String {
    value.utf8.count <= longestValue ? value : String(decoding: value.utf8.prefix(longestValue), as: UTF8.self)
  }

  var sorted: [(labels: LabelValues, value: Value)] {
    values.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { ($0.key, $0.value) }
  }
}
