import APIModel
import Foundation
import Testing

@testable import Compliance

@Suite("The report on the Trust Services Criteria") struct ReportTests {
  private static let hostile = "</td>|\n# [click](https://evil.example) `rm` <img src=x>\u{202E}"

  private static var log: Log {
    var log = Log()
    let quoted = hostile.replacing("\n", with: "\\n")
    log.verify(
      on: 5, ["NET-3": "FAILED"],
      waivers:
        #"[{"waiver":{"check":"ISO-4","owner":"\#(quoted)","reason":"\#(quoted)","expires":"x"},"state":"\#(quoted)"}]"#
    )
    log.add("admission", "denied", on: 6, target: "agent \(hostile)", actor: hostile, details: ["reason": hostile])
    log.add("token.create", on: 7, target: hostile, actor: hostile, details: ["sha256": hostile])
    return log
  }

  @Test("is Markdown in which nothing that others wrote means anything") func inert() {
    let text = Self.log.report().markdown
    #expect(
      !text.contains("<img") && !text.contains("</td>") && !text.contains("[click]") && !text.contains("\u{202E}"))
    #expect(!text.contains("https://evil"))
    #expect(!text.split(separator: "\n").contains { $0.hasPrefix("# [") })
    for row in text.split(separator: "\n") where row.hasPrefix("|") {
      let bars = row.replacing("\\|", with: "").count { $0 == "|" }
      #expect(bars == 5 || bars == 6, "\(row)")
    }
  }

  @Test("shows its summary first, then deviations, each criterion, each control's evidence, and how to check it")
  func order() {
    let lines = Self.log.report().markdown.split(separator: "\n").map(String.init)
    let heads = lines.filter { $0.hasPrefix("## ") }
    #expect(heads.first == "## Deviations")
    #expect(heads[1].hasPrefix("## CC6.1: failed in the period"))
    #expect(heads.suffix(3) == ["## Evidence of each control", "## What this report does not show", "## Check it"])
    #expect(lines[0].hasPrefix("# Trust Services Criteria: evidence of 2027-01-15 08:00:00 UTC"))
    #expect(lines.contains { $0.contains("audit record 100, leaf abababababababab…; verification run-0; SHA-256 5a") })
  }

  @Test("stays small, whatever others wrote") func bounded() throws {
    var log = Log()
    for _ in 0..<200 {
      log.add(
        "admission", "denied", on: 6, target: String(repeating: "é", count: 20_000),
        details: ["reason": String(repeating: "|", count: 20_000)])
    }
    #expect(try APIJSON.encode(log.report()).count < 200_000)
  }

  @Test("comes back from its JSON as it was") func json() throws {
    let report = Self.log.report()
    let bytes = try APIJSON.encode(report)
    #expect(try APIJSON.decode(ComplianceReport.self, from: bytes) == report)
    let object = try #require(JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    #expect(
      Set(object.keys) == ["period", "madeAt", "platform", "log", "summary", "criteria", "deviations", "limits"])
  }
}
