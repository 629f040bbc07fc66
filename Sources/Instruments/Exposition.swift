/// Metrics in Prometheus' text format 0.0.4.
package struct Exposition: Sendable {
  package static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

  package private(set) var text = ""
  /// What was written, in that order.
  package private(set) var families: [MetricFamily] = []

  package init() {}

  package mutating func add(_ counter: Counter) {
    head(counter.family)
    for (labels, value) in counter.samples { line(counter.family.name, counter.family.labels, labels, "\(value)") }
  }

  package mutating func add(_ histogram: Histogram) {
    let (name, keys) = (histogram.family.name, histogram.family.labels)
    head(histogram.family)
    for (labels, series) in histogram.samples {
      var count = 0
      for (bound, own) in zip(histogram.bounds + [.infinity], series.counts) {
        count += own
        line("\(name)_bucket", keys + ["le"], labels + [Self.number(bound)], "\(count)")
      }
      line("\(name)_sum", keys, labels, Self.number(series.sum))
      line("\(name)_count", keys, labels, "\(count)")
    }
  }

  /// What is measured now. A family without samples is listed all the same.
  package mutating func add(_ family: MetricFamily, _ samples: [(labels: LabelValues, value: Double)]) {
    head(family)
    for (labels, value) in samples { line(family.name, family.labels, labels, Self.number(value)) }
  }

  /// - Parameter value: `nil` when it is not known: then there is no series, which is not the same as 0.
  package mutating func add(_ family: MetricFamily, _ value: Double?) {
    add(family, value.map { [([], $0)] } ?? [])
  }

  private mutating func head(_ family: MetricFamily) {
    families.append(family)
    text += "# HELP \(family.name) \(Self.escaped(family.help, quotes: false))\n"
    text += "# TYPE \(family.name) \(family.kind.rawValue)\n"
  }

  private mutating func line(_ name: String, _ keys: [String], _ values: LabelValues, _ value: String) {
    text += name
    if !keys.isEmpty {
      text += "{"
      for (place, pair) in zip(keys, values).enumerated() {
        text += "\(place > 0 ? "," : "")\(pair.0)=\"\(Self.escaped(pair.1, quotes: true))\""
      }
      text += "}"
    }
    text += " \(value)\n"
  }

  /// Byte by byte: a quote or a line break that a combining character follows is not the same `Character`.
  private static func escaped(_ text: String, quotes: Bool) -> String {
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\\"): bytes += #"\\"#.utf8
      case UInt8(ascii: "\n"): bytes += #"\n"#.utf8
      case UInt8(ascii: "\"") where quotes: bytes += #"\""#.utf8
      default: bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Whole numbers without a fraction, and the two words of the format that are not Swift's.
  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    return Int(exactly: value).map { "\($0)" } ?? "\(value)"
  }
}
