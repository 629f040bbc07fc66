extension VerificationReport {
  /// The report for a person: a line for each check with what became of its attack, the evidence of those that are not
  /// proven, all waivers, one line of summary.
  package var table: String {
    let rows = checks.map(\.columns)
    let heads = ["CHECK", "VERDICT", "PREVENTED", "DETECTED", "AUDITED", "RESPONDED", "WHAT", "TIME"]
    let widths = heads.indices.map { column in max(heads[column].count, rows.map { $0[column].count }.max() ?? 0) }
    func line(_ cells: [String]) -> String {
      var line = zip(cells, widths).map(pad).joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line
    }
    var lines = [line(heads)]
    for (check, row) in zip(checks, rows) {
      lines.append(line(row))
      guard check.verdict != .proven else { continue }
      lines += check.evidence.map { String(repeating: " ", count: widths[0] + 2) + "- " + $0 }
    }
    if !waivers.isEmpty { lines += ["", "waivers:"] + waivers.map { "  \($0.line)" } }
    return (lines + ["", summaryLine]).joined(separator: "\n")
  }

  /// "17 checks: 16 proven, 1 not testable".
  package var summaryLine: String {
    let parts = [
      (summary.proven, "proven"), (summary.failed, "FAILED"), (summary.notTestable, "not testable"),
      (summary.waived, "waived"),
    ]
    let told = parts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    return "\(checks.count) check\(checks.count == 1 ? "" : "s"): "
      + (told.isEmpty ? "nothing was tested" : told.joined(separator: ", "))
  }
}

extension CheckReport {
  /// One line of progress: "ISO-1 PROVEN (0.8 s) the guest's kernel is gVisor's".
  package var progressLine: String { "\(id) \(verdict.rawValue) (\(inSeconds(durationMs))) \(title)" }

  fileprivate var columns: [String] {
    [
      id, verdict.rawValue, told(prevented), detected.map { "\($0.latencyMs) ms" } ?? "-", told(audited),
      told(responded), title, inSeconds(durationMs),
    ]
  }
}

extension WaiverReport {
  /// "ISO-4 until 2026-12-31, by anna: the kernel is too old (applied)".
  var line: String {
    "\(waiver.check) until \(waiver.expires), by \(waiver.owner): \(waiver.reason) (\(state.rawValue))"
  }
}

/// `-` for what is not known.
func told(_ fact: Bool?) -> String { fact.map { $0 ? "yes" : "no" } ?? "-" }

func inSeconds(_ milliseconds: Int) -> String { "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s" }

private func pad(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}
