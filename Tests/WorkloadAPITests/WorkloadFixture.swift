import AgentModel
import CertificateAuthority
import Foundation
import Logging
import Synchronization
import Testing
import WorkloadAPI

/// A clock that stands until it is set.
final class ManualClock: Sendable {
  private let time: Mutex<Date>

  init(_ time: Date) { self.time = Mutex(time) }

  var now: Date {
    get { time.withLock { $0 } }
    set { time.withLock { $0 = newValue } }
  }
}

/// An authority with a root in a scratch directory, and the Workload API in front of it.
struct WorkloadFixture: Sendable {
  static let id = "spiffe://lobstack.local/ns/acme/agent/support-bot"
  let directory: String
  let root: RootAuthority
  let authority: Authority
  let table: WorkloadTable
  let clock: ManualClock
  let issued = Issues()
  private let limits: WorkloadServer.Limits

  var socket: String { "\(directory)/workload.sock" }

  /// What was issued, and whether the record of it can be kept.
  final class Issues: Sendable {
    private let state = Mutex((ids: [String](), isBroken: false))

    struct Broken: Error {}

    var ids: [String] { state.withLock { $0.ids } }
    var isBroken: Bool {
      get { state.withLock { $0.isBroken } }
      set { state.withLock { $0.isBroken = newValue } }
    }

    func add(_ issued: WorkloadServer.Issued) throws {
      try state.withLock { state in
        if state.isBroken { throw Broken() }
        switch issued {
        case .certificate(let svid): state.ids.append("\(svid.id)")
        case .token(let id, let audience): state.ids.append("\(id) \(audience.joined(separator: ","))")
        }
      }
    }
  }

  /// - Parameter ids: the identities of this test's own user.
  init(
    ids: [String] = [Self.id], life: Duration = .seconds(3600), at time: Date = .now,
    limits change: (inout WorkloadServer.Limits) -> Void = { _ in }
  ) throws {
    // A Unix socket's path has room for 107 bytes.
    directory = FileManager.default.temporaryDirectory.path + "/wl-\(UInt64.random(in: 0...(.max)))"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    clock = ManualClock(time)
    root = try RootAuthority.open(in: directory, for: .default, at: time)
    authority = Authority(trustDomain: .default, limits: Authority.Limits(svid: life), at: time)
    try authority.trust(root.anchor, at: time)
    let pending = PendingIntermediate()
    try authority.adopt(
      pending, certificate: try root.signIntermediate(try pending.certificateRequest(), at: time), at: time)
    table = WorkloadTable([geteuid(): try ids.map { try #require(SPIFFEID($0)) }])
    var limits = WorkloadServer.Limits()
    limits.renewalCheck = .milliseconds(20)
    change(&limits)
    self.limits = limits
  }

  /// Serves while `body` runs; the socket is gone afterwards.
  func serve(_ body: @escaping @Sendable () async throws -> Void) async throws {
    let server = WorkloadServer(
      socket: socket, authority: authority, table: table, limits: limits, logger: Logger(label: "test"),
      record: { [issued] in try issued.add($0) }, now: { [clock] in clock.now })
    let (started, signal) = AsyncStream.makeStream(of: Void.self)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await server.run {
          signal.yield()
          signal.finish()
        }
      }
      group.addTask {
        for await _ in started { try await body() }
      }
      // Whichever is first: the body ends, or the server failed.
      try await group.next()
      group.cancelAll()
    }
    #expect(!FileManager.default.fileExists(atPath: socket))
  }
}

/// Waits until it holds, or fails the test.
func eventually(_ what: String, within limit: Duration = .seconds(10), _ condition: () async throws -> Bool)
  async throws
{
  let end = ContinuousClock.now + limit
  while try await !condition() {
    try #require(ContinuousClock.now < end, "\(what) did not come true")
    try await Task.sleep(for: .milliseconds(10))
  }
}
