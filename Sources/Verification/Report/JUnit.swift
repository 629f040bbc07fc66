extension VerificationReport {
  /// FAILED is a failure, NOT TESTABLE an error, WAIVED is skipped.
  package var junit: String {
    JUnitReport(
      name: "lobstack verify",
      suites: layers.map { layer in (layer, checks.filter { $0.layer == layer }.map(\.junit)) }
    ).text
  }

  /// The layers in the order in which the checks name them.
  private var layers: [String] {
    var seen: [String] = []
    for check in checks where !seen.contains(check.layer) { seen.append(check.layer) }
    return seen
  }
}

extension CheckReport {
  fileprivate var junit: JUnitReport.Case {
    let reason = evidence.first ?? "no evidence"
    let outcome: JUnitReport.Outcome =
      switch verdict {
      case .proven: .passed
      case .failed: .failed(reason, type: "FAILED")
      case .notTestable: .error(reason, type: "NOT TESTABLE")
      case .waived: .skipped(reason)
      }
    return JUnitReport.Case(
      className: "lobstack.\(layer)", name: "\(id) \(title)", milliseconds: durationMs, outcome: outcome,
      output: evidence.joined(separator: "\n"))
  }
}
