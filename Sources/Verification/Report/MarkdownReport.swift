import Markdown

extension VerificationReport {
  /// The report as GitHub-flavoured Markdown: a table, the evidence of every check, and the waivers.
  package var markdown: String {
    var lines = ["# lobstack verify", ""]
    if let run {
      lines += [
        "\(markdownText(run.title)).", "",
        "Lobstack \(markdownText(run.version)), kernel \(markdownText(run.host.kernel)), \(run.host.processors) processors, "
          + "\(run.host.memoryMiB) MiB.", "",
      ]
    }
    lines += [
      "**\(summaryLine)**", "",
      "| check | verdict | prevented | detected | audited | responded | what | criteria | time |",
      "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += checks.map { check in
      let cells = [
        check.id, check.verdict.rawValue, told(check.prevented),
        check.detected.map { "\($0.rule), \($0.latencyMs) ms" } ?? "-", told(check.audited), told(check.responded),
        check.title, check.criteria.joined(separator: ", "), inSeconds(check.durationMs),
      ]
      return "| " + cells.map(markdownText).joined(separator: " | ") + " |"
    }
    if !waivers.isEmpty {
      lines += ["", "## Waivers", ""] + waivers.map { "- \(markdownText($0.line))" }
    }
    if let run {
      lines += ["", "## Platform", ""]
      lines += run.components.sorted { $0.key < $1.key }.map { "- \(markdownText("\($0.key): \($0.value)"))" }
    }
    lines += ["", "## Evidence"]
    for check in checks {
      lines +=
        ["", "### \(markdownText(check.id)) \(check.verdict.rawValue)", ""]
        + check.evidence.map { "- \(markdownText($0))" }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
