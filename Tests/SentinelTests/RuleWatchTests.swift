import AgentModel
import Detection
import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Sentinel

@Suite("The rules in force", .timeLimit(.minutes(2))) struct RuleWatchTests {
  private static let interval = Duration.milliseconds(20)

  /// Remembers what was handed out.
  private final class Told: Sendable {
    private let news = Mutex<[DetectionServer.News]>([])

    func add(_ piece: DetectionServer.News) { news.withLock { $0.append(piece) } }

    private var all: [DetectionServer.News] { news.withLock { $0 } }

    /// The names of the rules, each time that there were some.
    var rules: [[String]] {
      all.compactMap { piece -> [String]? in
        guard case .rules(let rules) = piece else { return nil }
        return rules.rules.map(\.name)
      }
    }

    var findings: [SightFinding] {
      all.compactMap { piece -> SightFinding? in
        guard case .finding(let finding, nil) = piece else { return nil }
        return finding
      }
    }
  }

  /// A directory whose rules are watched.
  private struct Place {
    let directory: String
    let told = Told()

    func write(_ text: String, to name: String) throws {
      try Data(text.utf8).write(to: URL(filePath: "\(directory)/\(name)"), options: .atomic)
    }

    static func with(_ body: (Place) async throws -> Void) async throws {
      let directory = NSTemporaryDirectory() + "lobstack-rules-\(UUID().uuidString)"
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: directory) }  // a leftover harms nobody
      try await body(Place(directory: directory))
    }

    /// Runs `body` while the rules are watched.
    func watching(_ body: () async throws -> Void) async throws {
      let watch = RuleWatch(
        directory: directory, serviceAddress: "10.64.255.253", logger: TestLog().logger,
        interval: RuleWatchTests.interval)
      let told = self.told
      let running = Task { try await watch.run { told.add($0) } }
      do { try await body() } catch {
        running.cancel()
        _ = await running.result
        throw error
      }
      running.cancel()
      _ = await running.result
    }

    /// Waits as long as it takes to look at the directory several times.
    func waitForNothing() async throws { try await Task.sleep(for: .milliseconds(300)) }
  }

  private static let base = """
    - list: platform_service_ips
      items: []

    """

  private static func rule(_ name: String, condition: String = "evt.type = openat") -> String {
    """
    - rule: \(name)
      desc: d
      condition: \(condition)
      output: opened %fd.name
      priority: WARNING

    """
  }

  @Test("are handed out once, and nothing is told of the first ones") func first() async throws {
    try await Place.with { place in
      try place.write(Self.base + Self.rule("one"), to: "a.yaml")
      try place.write(Self.rule("two"), to: "b.yaml")
      try place.write("no rules at all", to: "README.md")
      try await place.watching {
        try await eventually("rules") { !place.told.rules.isEmpty }
        try await place.waitForNothing()
        #expect(place.told.rules == [["one", "two"]])
        #expect(place.told.findings.isEmpty)
      }
    }
  }

  @Test("follow their files, and it is told how many there are") func changed() async throws {
    try await Place.with { place in
      try place.write(Self.base + Self.rule("one"), to: "a.yaml")
      try await place.watching {
        try await eventually("rules") { place.told.rules.count == 1 }
        try place.write(Self.rule("two"), to: "b.yaml")
        try await eventually("more rules") { place.told.rules.count == 2 }
        try place.write(Self.base + Self.rule("other"), to: "a.yaml")
        try await eventually("other rules") { place.told.rules.count == 3 }
        try FileManager.default.removeItem(atPath: "\(place.directory)/b.yaml")
        try await eventually("fewer rules") { place.told.findings.count == 3 }
        #expect(place.told.rules == [["one"], ["one", "two"], ["other", "two"], ["other"]])
        let expected: [SightFinding] = [.rulesLoaded(2), .rulesLoaded(2), .rulesLoaded(1)]
        #expect(place.told.findings == expected)
      }
    }
  }

  @Test("stay when a change is broken, which is told once, until it is mended") func broken() async throws {
    try await Place.with { place in
      try place.write(Self.base + Self.rule("one"), to: "a.yaml")
      try await place.watching {
        try await eventually("rules") { place.told.rules.count == 1 }
        try place.write(Self.rule("two", condition: "evt.type ="), to: "b.yaml")
        try await eventually("a refusal") { !place.told.findings.isEmpty }
        try await place.waitForNothing()
        #expect(place.told.rules == [["one"]])
        #expect(place.told.findings.map(\.rule) == ["Detection rules refused"])
        let finding = try #require(place.told.findings.first)
        guard case .string(let reason)? = finding.fields["reason"] else {
          throw TestError(text: "\(finding.fields)")
        }
        #expect(!reason.isEmpty && finding.output.hasSuffix(reason))
        try place.write(Self.rule("two"), to: "b.yaml")
        try await eventually("mended rules") { place.told.findings.count == 2 }
        #expect(place.told.rules == [["one"], ["one", "two"]])
        #expect(place.told.findings.last == SightFinding.rulesLoaded(2))
      }
    }
  }

  @Test("stay while their directory is away, and nothing is told of it") func vanished() async throws {
    try await Place.with { place in
      try place.write(Self.base + Self.rule("one"), to: "a.yaml")
      try await place.watching {
        try await eventually("rules") { place.told.rules.count == 1 }
        let away = "\(place.directory).away"
        try #require(rename(place.directory, away) == 0)
        // Back where it is removed.
        defer { rename(away, place.directory) }
        try await place.waitForNothing()
        try #require(rename(away, place.directory) == 0)
        try await place.waitForNothing()
        #expect(place.told.rules == [["one"]])
        #expect(place.told.findings.isEmpty)
        try place.write(Self.rule("two"), to: "b.yaml")
        try await eventually("more rules") { place.told.findings == [.rulesLoaded(2)] }
      }
    }
  }

  @Test("stay while their directory has no file") func emptied() async throws {
    try await Place.with { place in
      try place.write(Self.base + Self.rule("one"), to: "a.yaml")
      try await place.watching {
        try await eventually("rules") { place.told.rules.count == 1 }
        try FileManager.default.removeItem(atPath: "\(place.directory)/a.yaml")
        try await place.waitForNothing()
        #expect(place.told.rules.count == 1 && place.told.findings.isEmpty)
        try place.write(Self.base + Self.rule("two"), to: "a.yaml")
        try await eventually("other rules") { place.told.rules == [["one"], ["two"]] }
      }
    }
  }

  @Test("come late when their directory was empty or broken at first") func late() async throws {
    try await Place.with { place in
      try await place.watching {
        try await place.waitForNothing()
        try place.write(Self.base + Self.rule("one", condition: "evt.type ="), to: "a.yaml")
        try await place.waitForNothing()
        #expect(place.told.rules.isEmpty && place.told.findings.isEmpty)
        try place.write(Self.base + Self.rule("one"), to: "a.yaml")
        try await eventually("rules") { place.told.rules == [["one"]] }
        #expect(place.told.findings.isEmpty)
      }
    }
  }
}
