import APIModel
import Foundation
import Testing

@testable import Verification

@Suite("The report") struct ReportTests {
  private static let report = VerificationReport(checks: [
    CheckReport(
      id: "ISO-1", layer: "isolation", title: "the guest's kernel is gVisor's",
      finding: Finding(.proven, prevented: true, evidence: ["uname differs"]), criteria: ["CC6.1"], durationMs: 812),
    CheckReport(
      id: "NET-2", layer: "network", title: "agents <cannot> reach \"each other\" & more",
      finding: Finding(.failed, prevented: false, evidence: ["a SYN's \u{1}arrival"]), durationMs: 1_005),
    CheckReport(
      id: "NET-6", layer: "network", title: "IPv6 is closed",
      finding: Finding(.notTestable, evidence: ["there is no IPv6"])),
  ])

  /// With a check that is waived, and what noticed an attack.
  private static func waived() throws -> VerificationReport {
    let waiver = try Waiver(check: "net-6", owner: "anna | <ops>", reason: "no *IPv6* here", expires: "2026-12-31")
    var checks = report.checks
    checks[0].detected = CheckReport.Detection(rule: "Terminal shell in container", latencyMs: 41)
    (checks[0].audited, checks[0].responded) = (true, false)
    checks[2].verdict = .waived
    return VerificationReport(checks: checks, waivers: [WaiverReport(waiver: waiver, state: .applied)])
  }

  @Test("counts its verdicts") func summary() {
    #expect(Self.report.summary == .init(proven: 1, failed: 1, notTestable: 1, waived: 0))
    #expect(Self.report.summaryLine == "3 checks: 1 proven, 1 FAILED, 1 not testable")
  }

  @Test("gives failure more weight than what could not be tested") func exitCodes() {
    #expect(Self.report.exitCode == 1)
    #expect(VerificationReport(checks: Array(Self.report.checks.prefix(1))).exitCode == 0)
    #expect(VerificationReport(checks: Array(Self.report.checks.suffix(1))).exitCode == 3)
    #expect(VerificationReport(checks: []).exitCode == 3)
  }

  @Test("has one exit code for each mixture of verdicts", arguments: 0..<16) func everyExitCode(mixture: Int) {
    let verdicts = Verdict.allCases.enumerated().filter { mixture & 1 << $0.offset != 0 }.map(\.element)
    let checks = verdicts.map { verdict in
      CheckReport(id: verdict.rawValue, layer: "x", title: "x", finding: Finding(verdict, evidence: ["seen"]))
    }
    let expected: Int32 =
      if verdicts.contains(.failed) { 1 } else if verdicts.isEmpty || verdicts.contains(.notTestable) { 3 } else { 0 }
    #expect(VerificationReport(checks: checks).exitCode == expected, "\(verdicts)")
  }

  @Test("has the JSON names that others rely on") func json() throws {
    let data = try JSONEncoder().encode(Self.report)
    let object = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    #expect((object["summary"] as? [String: Int])?["notTestable"] == 1)
    let check = try #require((object["checks"] as? [[String: Any]])?.first)
    #expect(check["verdict"] as? String == "PROVEN")
    #expect(check["prevented"] as? Bool == true)
    #expect(check["criteria"] as? [String] == ["CC6.1"])
    #expect(check["durationMs"] as? Int == 812)
    #expect(try JSONDecoder().decode(VerificationReport.self, from: data) == Self.report)
  }

  @Test("ends its table with one line of summary and explains what is not proven") func table() {
    let lines = Self.report.table.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    #expect(lines.last == Self.report.summaryLine)
    #expect(lines.contains { $0.contains("- there is no IPv6") })
    #expect(!lines.contains { $0.contains("uname differs") })
  }

  @Test("tells of each attack whether it was prevented, detected, audited and answered") func columns() throws {
    let lines = try Self.waived().table.split(separator: "\n").map(String.init)
    let words = lines.map { $0.split(separator: " ").map(String.init) }
    #expect(words[0] == ["CHECK", "VERDICT", "PREVENTED", "DETECTED", "AUDITED", "RESPONDED", "WHAT", "TIME"])
    #expect(words[1].prefix(7) == ["ISO-1", "PROVEN", "yes", "41", "ms", "yes", "no"])
    #expect(words[2].prefix(6) == ["NET-2", "FAILED", "no", "-", "-", "-"])
    #expect(lines.contains("  NET-6 until 2026-12-31, by anna | <ops>: no *IPv6* here (applied)"))
  }

  @Test("is SARIF with a rule for each check, a result for what is not proven, a waived one suppressed") func sarif()
    throws
  {
    let text = try Self.waived().sarif(version: "1.2.3")
    let log = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(log["version"] as? String == "2.1.0")
    let run = try #require((log["runs"] as? [[String: Any]])?.first)
    let driver = try #require((run["tool"] as? [String: Any])?["driver"] as? [String: Any])
    #expect((driver["rules"] as? [[String: Any]])?.compactMap { $0["id"] as? String } == ["ISO-1", "NET-2", "NET-6"])
    let results = try #require(run["results"] as? [[String: Any]])
    #expect(results.compactMap { $0["kind"] as? String } == ["fail", "fail"])
    #expect(results.compactMap { $0["level"] as? String } == ["error", "error"])
    #expect(text.contains(#""uri" : "SPECIFICATION.md""#))
    let suppression = try #require((results[1]["suppressions"] as? [[String: Any]])?.first)
    #expect((suppression["justification"] as? String)?.contains("no *IPv6* here") == true)
    #expect(results[0]["suppressions"] == nil)
    let open = try Self.report.sarif(version: "1")
    #expect(open.contains(#""kind" : "open""#))
  }

  @Test("is a Compliance Finding of OCSF for each check, with the result that its verdict is") func ocsf() throws {
    var report = try Self.waived()
    #expect(try report.ocsf(version: "1.2.3") == "", "of no run")
    report.run = VerificationRun(tier: .quick, of: Self.platform, at: Date(timeIntervalSince1970: 1_800_000_000))
    report.run?.durationMs = 1_500
    let lines = try report.ocsf(version: "1.2.3").split(separator: "\n")
    let events = try lines.map { try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
    #expect(events.count == 3)
    for event in events {
      #expect(event["class_uid"] as? Int == 2003 && event["type_uid"] as? Int == 200_301)
      #expect(event["time"] as? Int == 1_800_000_001_500)
    }
    let results = events.compactMap { $0["compliance"] as? [String: Any] }
    #expect(results.compactMap { $0["status_id"] as? Int } == [1, 3, 3])
    #expect(results.compactMap { $0["control"] as? String } == ["ISO-1", "NET-2", "NET-6"])
    #expect(events.compactMap { $0["severity_id"] as? Int } == [1, 4, 2])
    #expect(events.compactMap { $0["status_id"] as? Int } == [4, 1, 3], "what is waived is suppressed")
    #expect(lines[2].contains(#""owner":"anna | <ops>""#))
    let info = try #require(events[0]["finding_info"] as? [String: Any])
    #expect(info["uid"] as? String == "prod/ISO-1", "the same in every run")
  }

  private static let platform = PlatformStatus(
    version: "1.2.3", instance: "prod", components: [], agents: [:], audit: nil)

  @Test("is Markdown in which nothing that it tells means anything") func markdown() throws {
    let text = try Self.waived().markdown
    let row = try #require(text.split(separator: "\n").first { $0.hasPrefix("| NET-2") })
    #expect(row.contains("agents &lt;cannot&gt; reach"))
    #expect(text.contains("anna \\| &lt;ops&gt;: no \\*IPv6\\* here"))
    #expect(!text.contains("\u{1}") && !text.contains("<ops>"))
    // Every row of the table has as many cells.
    let rows = text.split(separator: "\n").filter { $0.hasPrefix("|") }
    #expect(rows.allSatisfy { $0.replacing("\\|", with: "").count { $0 == "|" } == 10 }, "\(rows)")
  }

  @Test("is JUnit XML that a parser takes, with every special character escaped") func junit() throws {
    let parser = XMLDocumentReader(Self.report.junit)
    #expect(parser.isWellFormed)
    #expect(parser.counts["testcase"] == 3)
    #expect(parser.counts["failure"] == 1)
    #expect(parser.counts["error"] == 1)
    #expect(parser.counts["testsuite"] == 2)
    #expect(Self.report.junit.contains("agents &lt;cannot&gt; reach &quot;each other&quot; &amp; more"))
    #expect(Self.report.junit.contains("SYN&apos;s \u{fffd}arrival"))
  }
}

/// A small check of well-formedness: tags balance, names are known, and no bare '&' or '<' is in the text.
private struct XMLDocumentReader {
  var counts: [String: Int] = [:]
  var isWellFormed = true

  init(_ text: String) {
    var open: [Substring] = []
    var rest = text[...]
    while let start = rest.firstIndex(of: "<") {
      isWellFormed = isWellFormed && Self.isText(rest[..<start])
      guard let end = rest[start...].firstIndex(of: ">") else {
        isWellFormed = false
        return
      }
      let tag = rest[rest.index(after: start)..<end]
      rest = rest[rest.index(after: end)...]
      if tag.hasPrefix("?") { continue }
      isWellFormed = isWellFormed && Self.isText(tag)
      if tag.hasPrefix("/") {
        isWellFormed = isWellFormed && open.popLast() == tag.dropFirst()
        continue
      }
      let name = tag.prefix { $0.isLetter || $0 == "-" }
      counts[String(name), default: 0] += 1
      if !tag.hasSuffix("/") { open.append(name) }
    }
    isWellFormed = isWellFormed && open.isEmpty
  }

  private static func isText(_ text: Substring) -> Bool {
    !text.contains("<")
      && text.split(separator: "&", omittingEmptySubsequences: false).dropFirst().allSatisfy { part in
        ["amp;", "lt;", "gt;", "quot;", "apos;", "#10;"].contains { part.hasPrefix($0) }
      }
  }
}
