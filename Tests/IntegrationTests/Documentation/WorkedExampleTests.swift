import ChildProcess
import Foundation
import Testing

/// Runs what pages say that needs no platform, word for word, beside a copy of the policy.
@Suite("A page of the how-tos", .timeLimit(.minutes(1))) struct WorkedExampleTests {
  private static let repository = URL(filePath: #filePath).appending(path: "../../../..").standardizedFileURL

  @Test(
    "works as it is written",
    arguments: [
      ("write-a-rule", "samples passed"), ("write-a-policy", "2 of 2 cases passed (1 allowed, 1 disallowed)"),
    ])
  func works(_ page: String, _ sign: String) async throws {
    let place = "\(NSTemporaryDirectory())lobstack-page-\(UUID())"
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: place) }  // a leftover of the test alone
    try FileManager.default.copyItem(atPath: Self.repository.path + "/policy", toPath: "\(place)/policy")
    let script = try shellSteps(of: Self.repository.appending(path: "docs/how-to/\(page).md")).joined(separator: "\n")
    let result = try await Command(
      "bash", ["-euc", "cd \(place); lobstack() { \(TestPlatform.binary) \"$@\"; }\n\(script)"]
    ).run(timeout: .seconds(50))
    #expect(result.status.code == 0, "\(result.standardOutput)\(result.standardError)")
    #expect(result.standardOutput.contains(sign), "\(result.standardOutput)")
  }
}

/// The blocks of a page that are commands to run, in their order.
func shellSteps(of page: URL) throws -> [String] {
  try String(contentsOf: page, encoding: .utf8).split(separator: "\n```sh\n").dropFirst().map { part in
    String(part.prefix(upTo: part.firstRange(of: "\n```")?.lowerBound ?? part.endIndex))
  }
}
