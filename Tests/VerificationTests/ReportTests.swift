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
