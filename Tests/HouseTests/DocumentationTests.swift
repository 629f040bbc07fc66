import Foundation
import Testing

@Suite("The documentation") struct DocumentationTests {
  @Test("links to files that are there") func links() throws {
    let top = try FileManager.default.contentsOfDirectory(atPath: House.root.path(percentEncoded: false))
    let below = try ["Benchmarks", "Sources", "docs", "examples", "policy"].flatMap {
      try House.files(in: $0, suffix: ".md")
    }
    let pages = top.filter { $0.hasSuffix(".md") } + below
    #expect(pages.contains("README.md"))
    for page in pages {
      let directory = House.root.appending(path: page).deletingLastPathComponent()
      for link in links(in: try House.text(page)) {
        let path = link.split(separator: "#", omittingEmptySubsequences: false)[0]
        guard !path.isEmpty else { continue }
        #expect(House.exists(directory.appending(path: String(path)).standardizedFileURL), "\(page) links to \(link)")
      }
    }
  }

  @Test("promises what a test or a check holds, or says that it is pending") func promises() throws {
    let rows = try House.text("SPECIFICATION.md").split(separator: "\n").filter { $0.hasPrefix("| ") }
      .map { $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) } }
    let promises = rows.filter { $0.first?.contains(/^[A-Z]+-[0-9]+$/) == true }
    let expected = [
      "ISO-1", "ISO-2", "ISO-3", "ISO-4", "ISO-5", "ISO-6", "NET-1", "NET-2", "NET-3", "NET-4", "NET-5", "NET-6",
      "NET-7", "MTLS-1", "MTLS-2", "MTLS-3", "MTLS-4", "SEC-1", "SEC-2", "SEC-3", "SEC-4",
      "SEC-5", "SEC-6", "ADM-1", "ADM-2", "ADM-3", "ADM-4", "ADM-5", "ADM-6", "DET-1", "DET-2", "DET-3", "DET-4",
      "DET-5", "DET-6", "DET-7", "DET-8", "DET-9", "AUD-1",
      "AUD-2", "AUD-3", "AUD-4", "AUD-5", "AUD-6", "AUD-7", "REL-1", "REL-2", "REL-3", "REL-4", "REL-5", "API-1",
      "KUBE-1", "KUBE-2", "KUBE-3", "KUBE-4", "KUBE-5", "KUBE-6", "KUBE-7",
    ]
    #expect(promises.compactMap(\.first) == expected)
    for promise in promises {
      #expect(promise.count == 3 && !promise[2].isEmpty, "\(promise) says what holds it")
    }
  }

  @Test("names tests and checks that exist") func namedTests() throws {
    let tests = try House.files(in: "Tests", suffix: ".swift").map(House.text).joined()
    let checks = try House.files(in: "Sources/Verification", suffix: ".swift").map(House.text).joined()
    let specification = try House.text("SPECIFICATION.md")
    for match in specification.matches(of: /test “([^”]+)”/) {
      let exists = tests.contains("\"\(match.1)\"")
      #expect(exists, "SPECIFICATION.md names the test \(match.1)")
    }
    for match in specification.matches(of: /`verify --only ([A-Z]+-[0-9]+)`/) {
      let exists = checks.contains("\"\(match.1)\"")
      #expect(exists, "SPECIFICATION.md names the check \(match.1)")
    }
  }

  /// The targets of Markdown links that lead to a file of ours.
  private func links(in text: String) -> [String] {
    text.matches(of: /\]\(([^)\s]+)\)/).map { String($0.1) }
      .filter { !$0.contains("://") && !$0.hasPrefix("mailto:") && !$0.hasPrefix("#") }
  }
}
