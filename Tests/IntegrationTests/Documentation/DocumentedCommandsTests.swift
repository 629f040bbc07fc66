import Foundation
import Testing

@Suite("The documented command line") struct DocumentedCommandsTests {
  private static let root = URL(filePath: #filePath).appending(path: "../../../..").standardizedFileURL

  private func tree() async throws -> CommandTree {
    let outcome = try await withoutPlatform { try await $0.run("--experimental-dump-help").ok() }
    return try CommandTree(dump: outcome.output)
  }

  @Test("is the program's own, command by command and option by option") func page() async throws {
    let page = try await tree().page
    let place = Self.root.appending(path: "docs/reference/commands.md")
    if ProcessInfo.processInfo.environment["UPDATE_REFERENCES"] == "1" { try Data(page.utf8).write(to: place) }
    #expect(try String(contentsOf: place, encoding: .utf8) == page)
  }

  @Test("has no example that the program would not understand") func examples() async throws {
    let tree = try await tree()
    let pages = try Self.pages()
    #expect(pages.contains { $0.hasSuffix("README.md") } && pages.count > 20)
    var count = 0
    for page in pages {
      for words in try Self.examples(in: page) {
        count += 1
        if let reason = Self.whyNotUnderstood(words, by: tree.command) {
          Issue.record("\(page): lobstack \(words.joined(separator: " ")): \(reason)")
        }
      }
    }
    #expect(count > 80)
  }

  private static func pages() throws -> [String] {
    let found = FileManager.default.enumerator(at: root.appending(path: "docs"), includingPropertiesForKeys: nil)
    let below = (found?.allObjects as? [URL] ?? []).map { $0.path }.filter { $0.hasSuffix(".md") }
    return (["README.md", "SECURITY.md"].map { root.appending(path: $0).path } + below).sorted()
  }

  /// The words after each `lobstack` in the page's shell examples.
  private static func examples(in page: String) throws -> [[String]] {
    var isShell = false
    var examples: [[String]] = []
    for line in try String(contentsOfFile: page, encoding: .utf8).replacing("\\\n", with: " ").split(separator: "\n") {
      if line.hasPrefix("```") {
        isShell = line == "```sh" && !isShell
        continue
      }
      guard isShell, !line.hasPrefix("#") else { continue }
      let command = line.split(separator: " #", maxSplits: 1)[0]
      for part in command.split(whereSeparator: { "|;&()`".contains($0) }) {
        let words = part.split(separator: " ").map(String.init)
        guard let program = words.firstIndex(where: { $0 == "lobstack" || $0.hasSuffix("/lobstack") }),
          words[..<program].allSatisfy({ $0 == "sudo" || $0.contains("=") || $0 == "$" || $0 == "then" || $0 == "if" })
        else { continue }
        examples.append(Array(words[(program + 1)...]))
      }
    }
    return examples
  }

  private static func whyNotUnderstood(_ words: [String], by program: CommandTree.Command) -> String? {
    var command = program
    var rest = words[...]
    while let name = rest.first, let found = command.command(name) {
      command = found
      rest = rest.dropFirst()
    }
    if let meant = command.defaultSubcommand.flatMap(command.command) { command = meant }
    if command.commandName == "help" || words.first?.hasPrefix("-") == true { return nil }
    guard command.shown.isEmpty else { return "there is no command '\(rest.first ?? "")'" }
    for word in rest {
      if word == "--" { break }
      guard word.hasPrefix("-"), word.count > 1 else { continue }
      let option = String(word.split(separator: "=")[0])
      guard command.has(option) || ["--help", "-h"].contains(option) else { return "it has no option \(option)" }
    }
    return nil
  }
}
