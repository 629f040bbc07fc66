import Synchronization

/// How long something took, by its labels.
package final class Histogram: Sendable {
  /// Upper bounds in seconds, from half a millisecond to ten seconds.
  package static let seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

  struct Series: Sendable {
    /// Observations up to each bound, and of no lower one; the last are those beyond all.
    var counts: [Int]
    var sum = 0.0
  }

  package let family: MetricFamily
  let bounds: [Double]
  private let series: Mutex<SeriesTable<Series>>

  /// - Parameters:
  ///   - bounds: rising.
  ///   - mostSeries: what comes beyond is observed in one series, whose labels are all `other`.
  package init(
    _ name: String, _ help: String, by labels: String..., bounds: [Double] = Histogram.seconds, mostSeries: Int = 200
  ) {
    family = MetricFamily(.histogram, name, help, by: labels)
    self.bounds = bounds
    series = Mutex(SeriesTable(most: mostSeries))
    if labels.isEmpty { series.withLock { $0.change([], default: empty) { _ in } } }
  }

  /// - Parameter labels: as many as the family has. None of them may be of an agent's choosing.
  package func observe(_ duration: Duration, _ labels: String...) {
    let seconds = duration / .seconds(1)
    let place = bounds.firstIndex { seconds <= $0 } ?? bounds.count
    series.withLock { table in
      table.change(labels, default: empty) { series in
        series.counts[place] += 1
        series.sum += seconds
      }
    }
  }

  private var empty: Series { Series(counts: [Int](repeating: 0, count: bounds.count + 1)) }

  var samples: [(labels: LabelValues, value: Series)] { series.withLock { $0 }.sorted }
}
