import Synchronization

/// Counts what happened since the process started, by its labels.
package final class Counter: Sendable {
  package let family: MetricFamily
  private let series: Mutex<SeriesTable<Int>>

  /// - Parameter mostSeries: what comes beyond is counted in one series, whose labels are all `other`.
  package init(_ name: String, _ help: String, by labels: String..., mostSeries: Int = 1_000) {
    family = MetricFamily(.counter, name, help, by: labels)
    series = Mutex(SeriesTable(most: mostSeries))
    // What can only be counted one way is there from the beginning, so that its first rise is seen.
    if labels.isEmpty { add(0) }
  }

  /// - Parameter labels: as many as the family has. None of them may be of an agent's choosing.
  package func add(_ amount: Int = 1, _ labels: String...) {
    series.withLock { table in
      table.change(labels, default: 0) { value in
        // What is counted may be somebody's word.
        let (sum, isTooLarge) = value.addingReportingOverflow(max(0, amount))
        value = isTooLarge ? .max : sum
      }
    }
  }

  var samples: [(labels: LabelValues, value: Int)] { series.withLock { $0 }.sorted }
}
