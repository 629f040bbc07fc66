extension VerificationReport {
  /// The report for a person: a line for each check, the evidence of those that are not proven, one line of summary.
  package var table: String {
    let idWidth = width(of: checks.map(\.id), atLeast: 5)
    let verdictWidth = width(of: checks.map(\.verdict.rawValue), atLeast: 7)
    let titleWidth = width(of: checks.map(\.title), atLeast: 5)
    var lines = [
      pad("CHECK", idWidth) + "  " + pad("VERDICT", verdictWidth) + "  " + pad("WHAT", titleWidth) + "  TIME"
    ]
    for check in checks {
      lines.append(
        pad(check.id, idWidth) + "  " + pad(check.verdict.rawValue, verdictWidth) + "  "
          + pad(check.title, titleWidth) + "  " + seconds(check.durationMs))
      guard check.verdict != .proven else { continue }
      lines += check.evidence.map { String(repeating: " ", count: idWidth + 2) + "- " + $0 }
    }
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
  package var progressLine: String { "\(id) \(verdict.rawValue) (\(seconds(durationMs))) \(title)" }
}

private func width(of texts: [String], atLeast least: Int) -> Int { max(least, texts.map(\.count).max() ?? 0) }

private func pad(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

private func seconds(_ milliseconds: Int) -> String { "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s" }
