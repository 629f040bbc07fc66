import AgentModel
import Foundation
import Synchronization
import Testing

@testable import Verification

@Suite("The ledger") struct LedgerTests {
  private let path = FileManager.default.temporaryDirectory.path + "/lobstack-ledger-\(UUID().uuidString)"

  @Test("takes things away in the reverse order, and itself last") func reverse() async throws {
    let ledger = try #require(try Ledger.open(path))
    for name in ["a", "b", "c"] { try await ledger.record(.directory(name)) }
    let removed = Mutex<[Trace]>([])
    let failures = await ledger.clear { trace in removed.withLock { $0.append(trace) } }
    #expect(failures.isEmpty)
    #expect(removed.withLock { $0 } == [.directory("c"), .directory("b"), .directory("a")])
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test("of who makes nothing takes no entry") func closed() async {
    await #expect(throws: (any Error).self) { try await Ledger.closed.record(.directory("a")) }
  }

  @Test("goes on past what cannot be taken away, and keeps the file for the next run") func failing() async throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    struct Stuck: Error {}
    let ledger = try #require(try Ledger.open(path))
    for name in ["a", "b"] { try await ledger.record(.interface(name)) }
    let failures = await ledger.clear { if $0 == .interface("b") { throw Stuck() } }
    #expect(failures.count == 1)
    #expect(FileManager.default.fileExists(atPath: path))
  }

  @Test("is left alone while its run lives, and taken over when that is dead") func takeOver() async throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let trace = Trace.setting(path: "/proc/sys/x", value: "0")
    do {
      let ledger = try #require(try Ledger.open(path))
      try await ledger.record(trace)
      #expect(try Ledger.open(path) == nil)
      withExtendedLifetime(ledger) {}
    }
    let heir = try #require(try Ledger.open(path))
    let removed = Mutex<[Trace]>([])
    _ = await heir.clear { trace in removed.withLock { $0.append(trace) } }
    #expect(removed.withLock { $0 } == [trace])
  }

  @Test("overlooks a last line that a crash cut short") func cutShort() async throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    try "{\"interface\":{\"_0\":\"a\"}}\n{\"interf".write(toFile: path, atomically: true, encoding: .utf8)
    let ledger = try #require(try Ledger.open(path))
    let removed = Mutex<[Trace]>([])
    _ = await ledger.clear { trace in removed.withLock { $0.append(trace) } }
    #expect(removed.withLock { $0 } == [.interface("a")])
  }

  @Test("clears the site also when the run was cancelled", .timeLimit(.minutes(1))) func cancelled() async throws {
    let root = FileManager.default.temporaryDirectory.path + "/lobstack-site-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: root) }
    let layout = InstanceLayout(stateDirectory: root)
    let paths = Mutex<[String]>([])
    let task = Task {
      let site = try await ProbeSite.open(platform: layout, isQuick: true)
      paths.withLock { $0 = [site.directory, site.openDirectory] }
      // What a cancelled check throws is not of interest here.
      try? await Task.sleep(for: .seconds(3600))
      return await site.close()
    }
    while paths.withLock({ $0.isEmpty }) { try await Task.sleep(for: .milliseconds(5)) }
    task.cancel()
    #expect(try await task.value.isEmpty)
    for path in paths.withLock({ $0 }) { #expect(!FileManager.default.fileExists(atPath: path)) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(root)/default/verify").isEmpty)
  }

  @Test("lets the next run take away what a killed one left") func reclaim() async throws {
    let root = FileManager.default.temporaryDirectory.path + "/lobstack-site-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: root) }
    let layout = InstanceLayout(stateDirectory: root)
    let directory: String
    do {
      let site = try await ProbeSite.open(platform: layout, isQuick: true)
      directory = site.directory
      #expect(try await ProbeSite.reclaim(platform: layout).isEmpty)
      #expect(FileManager.default.fileExists(atPath: directory), "a living run is left alone")
    }
    #expect(try await ProbeSite.reclaim(platform: layout).isEmpty)
    #expect(!FileManager.default.fileExists(atPath: directory))
  }

  @Test("does not forget agents, secrets and tokens of a platform that is down, but of one that is removed")
  func platformDown() async throws {
    let root = FileManager.default.temporaryDirectory.path + "/lobstack-site-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: root) }
    let layout = InstanceLayout(stateDirectory: root)
    try FileManager.default.createDirectory(atPath: layout.apiDirectory, withIntermediateDirectories: true)
    let id = AgentID(tenant: .default, name: try #require(AgentName("a")))
    do {
      let site = try await ProbeSite.open(platform: layout, isQuick: true)
      try await site.ledger.record(.agent(apiSocket: layout.apiSocket, id: id))
      try await site.ledger.record(.token(apiSocket: layout.apiSocket, id: "t"))
    }
    for _ in 0..<2 {
      let left = try await ProbeSite.reclaim(platform: layout)
      #expect(left.count == 2 && left.allSatisfy { $0.contains("the platform does not run") }, "\(left)")
    }
    try FileManager.default.removeItem(atPath: layout.apiDirectory)
    #expect(try await ProbeSite.reclaim(platform: layout).isEmpty)
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(root)/default/verify").isEmpty)
  }
}
