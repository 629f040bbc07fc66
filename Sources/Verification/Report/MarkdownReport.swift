extension VerificationReport {
  /// The report as GitHub-flavoured Markdown: a table, the evidence of every check, and the waivers.
  package var markdown: String {
    var lines = ["# lobstack verify", ""]
    if let run {
      lines += [
        "\(escaped(run.title)).", "",
        "Lobstack \(escaped(run.version)), kernel \(escaped(run.host.kernel)), \(run.host.processors) processors, "
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
      return "| " + cells.map(escaped).joined(separator: " | ") + " |"
    }
    if !waivers.isEmpty {
      lines += ["", "## Waivers", ""] + waivers.map { "- \(escaped($0.line))" }
    }
    if let run {
      lines += ["", "## Platform", ""]
      lines += run.components.sorted { $0.key < $1.key }.map { "- \(escaped("\($0.key): \($0.value)"))" }
    }
    lines += ["", "## Evidence"]
    for check in checks {
      lines +=
        ["", "### \(escaped(check.id)) \(check.verdict.rawValue)", ""] + check.evidence.map { "- \(escaped($0))" }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

/// Text that means nothing to Markdown or HTML, on one line.
private func escaped(_ text: String) -> String {
  var result = ""
  for character in text.unicodeScalars {
    switch character {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "|", "*", "_", "`", "[", "]", "\\", "#", "~": result += "\\\(character)"
    case "\u{0}"..."\u{1F}", "\u{7F}", "\u{2028}", "\u{2029}": result += " "
    default: result.unicodeScalars.append(character)
    }
  }
  return result
}
