import Instruments
import Testing

@Suite("Metrics") struct ExpositionTests {
  @Test("are written in Prometheus' text format, in one order") func format() {
    let counter = Counter("a_total", "What happened.", by: "kind", "code")
    counter.add(2, "b", "200")
    counter.add(1, "a", "500")
    counter.add(1, "b", "200")
    var exposition = Exposition()
    exposition.add(counter)
    exposition.add(MetricFamily(.gauge, "b_bytes", "How long."), 1.5)
    exposition.add(MetricFamily(.gauge, "c_seconds", "Not known."), nil)
    #expect(
      exposition.text == """
        # HELP a_total What happened.
        # TYPE a_total counter
        a_total{kind="a",code="500"} 1
        a_total{kind="b",code="200"} 3
        # HELP b_bytes How long.
        # TYPE b_bytes gauge
        b_bytes 1.5
        # HELP c_seconds Not known.
        # TYPE c_seconds gauge

        """)
    #expect(exposition.families.map(\.name) == ["a_total", "b_bytes", "c_seconds"])
  }

  @Test(
    "keep each label's value within its quotes and its line",
    arguments: [
      (#"a"b\c"#, #"a\"b\\c"#), ("a\nb", #"a\nb"#), ("a\r\nb", "a\r\\nb"),
      // One Character with the quote, and not the same as it.
      ("\"\u{301}", "\\\"\u{301}"), ("\\\u{301}", "\\\\\u{301}"), ("é…", "é…"), ("", ""),
    ]) func escaping(value: String, written: String)
  {
    var exposition = Exposition()
    exposition.add(MetricFamily(.gauge, "a", "A \"help\"\nin lines.", by: ["b"]), [([value], 1)])
    let expected = "# HELP a A \"help\"\\nin lines.\n# TYPE a gauge\na{b=\"\(written)\"} 1\n"
    #expect(Array(exposition.text.utf8) == Array(expected.utf8))
  }

  @Test(
    "say numbers as Prometheus reads them",
    arguments: [
      (0, "0"), (1e15, "1000000000000000"), (0.0005, "0.0005"), (-1.25, "-1.25"), (Double.infinity, "+Inf"),
      (-Double.infinity, "-Inf"), (Double.nan, "NaN"), (1e300, "1e+300"),
    ]) func numbers(value: Double, written: String)
  {
    var exposition = Exposition()
    exposition.add(MetricFamily(.gauge, "a", "A."), value)
    #expect(exposition.text.hasSuffix("\na \(written)\n"))
  }

  @Test("of durations count each observation in every bucket that it fits") func histogram() {
    let histogram = Histogram("a_seconds", "How long.", by: "route", bounds: [0.25, 1])
    for duration in [Duration.milliseconds(250), .milliseconds(500), .seconds(2)] { histogram.observe(duration, "/") }
    var exposition = Exposition()
    exposition.add(histogram)
    let lines = exposition.text.split(separator: "\n").dropFirst(2)
    #expect(
      lines == [
        #"a_seconds_bucket{route="/",le="0.25"} 1"#, #"a_seconds_bucket{route="/",le="1"} 2"#,
        #"a_seconds_bucket{route="/",le="+Inf"} 3"#, #"a_seconds_sum{route="/"} 2.75"#,
        #"a_seconds_count{route="/"} 3"#,
      ])
  }

  @Test("have so many series and no more, whatever is counted") func bounds() {
    let counter = Counter("a_total", "What happened.", by: "name", "kind", mostSeries: 3)
    for number in 0..<1_000 { counter.add(1, "\(number)", "k") }
    counter.add(1, "0", "k")
    let histogram = Histogram("a_seconds", "How long.", by: "name", bounds: [1], mostSeries: 2)
    for number in 0..<10 { histogram.observe(.seconds(1), "\(number)") }
    var exposition = Exposition()
    exposition.add(counter)
    exposition.add(histogram)
    let lines = exposition.text.split(separator: "\n")
    #expect(
      lines.filter { $0.hasPrefix("a_total{") } == [
        #"a_total{name="0",kind="k"} 2"#, #"a_total{name="1",kind="k"} 1"#, #"a_total{name="2",kind="k"} 1"#,
        #"a_total{name="other",kind="other"} 997"#,
      ])
    #expect(lines.contains(#"a_seconds_count{name="other"} 8"#))
    #expect(lines.count { $0.hasPrefix("a_seconds_count") } == 3)
  }

  @Test("do not break by what is counted: neither too much, nor less than nothing, nor a long name") func hostile() {
    let counter = Counter("a_total", "What happened.", by: "name")
    counter.add(.max, "a")
    counter.add(.max, "a")
    counter.add(-5, "b")
    counter.add(1, String(repeating: "ä", count: 1_000))
    var exposition = Exposition()
    exposition.add(counter)
    #expect(exposition.text.contains("a_total{name=\"a\"} \(Int.max)\n"))
    #expect(exposition.text.contains("a_total{name=\"b\"} 0\n"))
    #expect(exposition.text.utf8.count < 500)
  }

  @Test("without labels are there before anything happens") func beginning() {
    var exposition = Exposition()
    exposition.add(Counter("a_total", "What happened."))
    exposition.add(Histogram("a_seconds", "How long.", bounds: [1]))
    #expect(exposition.text.contains("\na_total 0\n") && exposition.text.contains("\na_seconds_count 0\n"))
  }
}
