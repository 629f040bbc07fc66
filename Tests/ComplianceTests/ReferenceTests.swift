import Foundation
import Testing

@testable import Compliance

@Suite("docs/reference/soc2.md") struct ReferenceTests {
  @Test("says what each criterion maps to, as the catalogue has it") func agrees() throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "docs/reference/soc2.md")
    let text = try String(contentsOf: page, encoding: .utf8)
    let expected = Self.criteria + Self.controls + Self.tags
    let rows = text.split(separator: "\n").map(String.init).filter { $0.hasPrefix("| ") }
    for row in expected where !rows.contains(row) { Issue.record("missing: \(row)") }
    for row in rows where !expected.contains(row) && !row.hasPrefix("| `") && !Self.heads.contains(row) {
      Issue.record("not in the catalogue: \(row)")
    }
  }

  @Test("names actions that the platform records") func actions() throws {
    let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Sources")
    let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
    var text = ""
    while let file = files?.nextObject() as? URL {
      guard file.pathExtension == "swift", !file.path.contains("/Compliance/") else { continue }
      text += try String(contentsOf: file, encoding: .utf8)
    }
    for control in Control.all {
      guard case .records(let rule) = control.source else { continue }
      for action in rule.actions { #expect(text.contains("\"\(action)\""), "\(control.id): \(action)") }
    }
  }

  private static let heads = [
    "| criterion | asks that | controls | not shown by software |", "| control | what | evidence | also serves |",
    "| tag | what it is called there |",
  ]

  private static var criteria: [String] {
    Criterion.all.map { criterion in
      let controls = Control.all.filter { $0.criteria.contains(criterion.id) }.map(\.id).joined(separator: ", ")
      return "| \(criterion.id) | \(criterion.title) | \(controls) | \(criterion.limits.joined(separator: "; ")) |"
    }
  }

  private static var controls: [String] {
    Control.all.map { control in
      let evidence =
        switch control.source {
        case .check: "`verify`"
        case .records(let rule): rule.actions.sorted().map { "`\($0)`" }.joined(separator: ", ")
        }
      return "| \(control.id) | \(control.title) | \(evidence) | "
        + "\(control.tags.map(\.description).joined(separator: ", ")) |"
    }
  }

  private static var tags: [String] { Tag.names.sorted { $0.key < $1.key }.map { "| \($0.key) | \($0.value) |" } }
}
