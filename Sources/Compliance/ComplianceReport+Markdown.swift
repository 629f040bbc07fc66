import APIModel
import FoundationEssentials
import Markdown

extension ComplianceReport {
  /// The report for people, as GitHub-flavoured Markdown: what it came to, each criterion, the evidence of each control,
  /// the deviations, and what to check it by.
  package var markdown: String {
    (head + table + deviationList + criteria.flatMap(\.lines) + evidenceList + limitList + checkList)
      .joined(separator: "\n") + "\n"
  }

  private var head: [String] {
    [
      "# Trust Services Criteria: evidence of \(moment(period.since)) to \(moment(period.until))", "",
      "Instance \(markdownText(platform.instance)), Lobstack \(markdownText(platform.version)), made at "
        + "\(moment(madeAt)). Admission policies in force then: \(markdownText(platform.policies ?? "none")).", "",
      "All of it is taken from the audit log, records \(log.from) to before \(log.to) of \(log.size), root "
        + "`\(plain(log.rootHash))`. What is not evidenced says so.", "",
      "**\(summaryLine)**", "",
    ]
  }

  /// "17 criteria: 15 evidenced, 1 failed in the period, 1 partly evidenced".
  package var summaryLine: String {
    let parts = [
      (summary.evidenced, Status.evidenced), (summary.failed, .failed), (summary.partlyEvidenced, .partlyEvidenced),
      (summary.noEvidence, .noEvidence),
    ]
    return "\(criteria.count) criteria: "
      + parts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1.words)" }.joined(separator: ", ")
  }

  private var table: [String] {
    ["| criterion | status | controls evidenced | asks that |", "|---|---|---|---|"]
      + criteria.map { criterion in
        let acted = criterion.controls.filter { $0.status != .noOccurrence }
        let evidenced = acted.count { $0.status == .evidenced }
        return row([
          criterion.id, criterion.status.words, "\(evidenced) of \(acted.count)", criterion.title,
        ])
      } + [""]
  }

  private var deviationList: [String] {
    guard !deviations.isEmpty else { return ["## Deviations", "", "None is recorded in this period.", ""] }
    return ["## Deviations", ""]
      + deviations.flatMap { deviation in
        ["### \(markdownText(deviation.title)): \(deviation.count)", ""]
          + deviation.items.map { "- \(moment($0.time)): \(markdownText($0.text))\($0.reference?.words ?? "")" }
          + [""]
      }
  }

  private var evidenceList: [String] {
    var seen: Set<String> = []
    let controls = criteria.flatMap(\.controls).filter { seen.insert($0.id).inserted }
    return ["## Evidence of each control", ""] + controls.flatMap(\.lines)
  }

  private var limitList: [String] {
    ["## What this report does not show", ""] + limits.map { "- \(markdownText($0))" }
  }

  private var checkList: [String] {
    [
      "", "## Check it", "",
      "- A record: `lobstack audit prove NUMBER --key KEY`; `KEY` is `\(plain(log.verifierKey))`, compared with a copy "
        + "that was kept elsewhere.",
      "- A verification: the SHA-256 of `lobstack verification show ID -o json` is the one named with it.",
      "- This report: it is made of JSON whose SHA-256 stands in the audit log, action `report.create`.",
      "- The log as a whole: `lobstack audit verify --checkpoint FILE`, with this checkpoint:", "", "```",
    ] + log.checkpoint.split(separator: "\n", omittingEmptySubsequences: false).map { plain(String($0)) } + ["```"]
  }
}

extension ComplianceReport.Criterion {
  fileprivate var lines: [String] {
    ["## \(markdownText(id)): \(status.words)", "", "\(markdownText(title)).", ""]
      + ["| control | status | what | found | also serves |", "|---|---|---|---|---|"]
      + controls.map { row([$0.id, $0.status.words, $0.title, $0.reason, $0.tags.joined(separator: ", ")]) }
      + ["", "Not shown by software:", ""] + limits.map { "- \(markdownText($0))" } + [""]
  }
}

extension ComplianceReport.Control {
  fileprivate var lines: [String] {
    let left = count - evidence.count
    let items = evidence.map { "- \(moment($0.time)): \(markdownText($0.text))\($0.reference.words)" }
    return ["### \(markdownText(id)) \(status.words)", "", "\(markdownText(title)): \(markdownText(reason)).", ""]
      + items + (left > 0 ? ["- and \(left) more between the first and the last of these"] : [])
      + (items.isEmpty ? [] : [""])
  }
}

extension ComplianceReport.Reference {
  /// " (audit record 17, leaf 4f…; verification 6f…, SHA-256 …)".
  fileprivate var words: String {
    var parts = ["audit record \(auditIndex), leaf \(markdownText(String(leafHash.prefix(16))))…"]
    if let verification { parts.append("verification \(markdownText(verification))") }
    if let sha256 { parts.append("SHA-256 \(markdownText(sha256))") }
    if let alert { parts.append("alert \(markdownText(alert))") }
    return " (\(parts.joined(separator: "; ")))"
  }
}

extension ComplianceReport.Status {
  package var words: String {
    switch self {
    case .evidenced: "evidenced"
    case .partlyEvidenced: "partly evidenced"
    case .failed: "failed in the period"
    case .noEvidence: "no evidence"
    case .noOccurrence: "no occurrence"
    }
  }
}

private func row(_ cells: [String]) -> String { "| " + cells.map(markdownText).joined(separator: " | ") + " |" }

/// Between back-quotes, where nothing can be escaped.
private func plain(_ text: String) -> String { text.filter { $0 != "`" && !$0.isNewline } }

private func moment(_ time: Date) -> String {
  time.formatted(
    Date.ISO8601FormatStyle().year().month().day().dateTimeSeparator(.space).time(includingFractionalSeconds: false))
    + " UTC"
}
