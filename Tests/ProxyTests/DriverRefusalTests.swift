import JSONValues
import Testing

@testable import Proxy

@Suite("A refusal") struct DriverRefusalTests {
  private static let stamp = "[2026-11-24 23:43:45.857][13951][warning][config] [source/config.cc:81] "

  @Test("is told in Envoy's words, without the configuration that it prints along")
  func withoutDump() {
    let log = """
      \(Self.stamp)Filesystem config update rejected: Error adding/updating listener(s) one: goo.gle/debugstr\u{20}\u{20}
      stat_prefix: "canary"
      : Proto constraint validation failed (StatPrefix:   value length must be at least 1 characters)

      \(Self.stamp)something else: canary
      : canary
      """
    #expect(
      Refusal.reason(in: log) == """
        Error adding/updating listener(s) one: Proto constraint validation failed (StatPrefix:   value length must be \
        at least 1 characters)
        """)
  }

  @Test("of a file cut short does not tell what is in the file, as Envoy's log does") func withoutFile() {
    let log = """
      \(Self.stamp)Filesystem config update failure: in /run/sds/public.json, Unable to parse JSON as proto \
      (INVALID_ARGUMENT: unexpected EOF): {"resources":[{"private_key":{"inline_string":"canary
      """
    let reason = Refusal.reason(in: log)
    #expect(reason == "in /run/sds/public.json, Unable to parse JSON as proto (INVALID_ARGUMENT: unexpected EOF)")
  }

  @Test("that comes several times is told once") func once() {
    let line = "\(Self.stamp)Filesystem config update rejected: bad\n"
    #expect(Refusal.reason(in: line + line + "\(Self.stamp)Filesystem config update rejected: worse\n") == "bad; worse")
    #expect(Refusal.reason(in: "\(Self.stamp)all is well\n") == nil)
  }

  @Test("is bounded") func bounded() {
    let long = String(repeating: "x", count: 100_000)
    let reason = Refusal.reason(in: "\(Self.stamp)Filesystem config update rejected: \(long)\n") ?? ""
    #expect(reason.utf8.count <= 600)
  }
}

@Suite("Envoy's statistics") struct DriverSubscriptionTests {
  @Test("give each source its version and counts, by whatever connection manager it is used") func parses() {
    let statistics = EnvoyAdmin.statistics(
      in: """
        cluster_manager.cds.version_text: "7"
        http.in.rds.table.version_text: "8"
        http.in.rds.table.update_rejected: 2
        http.in.rds.table.update_failure: 1
        sds.server.version_text: ""
        sds.server.update_attempt: 3
        cluster.sds.update_attempt: 9
        listener_manager.total_listeners_active: 4
        listener_manager.lds.update_duration: P0(nan,1) P25(nan,1)
        """)
    let found = Subscriptions(statistics)
    #expect(found[.clusters] == .init(version: "7"))
    #expect(found[.routes("table")] == .init(version: "8", refusals: 3))
    #expect(found[.secret("server")] == .init(version: "", attempts: 3))
    #expect(found[.listeners] == nil)
    #expect(found.activeListeners == 4)
  }

  @Test("answer for a file, also when Envoy was started anew and counts from nothing") func answers() {
    func now(_ version: String, attempts: Int, refusals: Int = 0) -> Subscriptions {
      Subscriptions([
        "listener_manager.lds.version_text": .text(version), "listener_manager.lds.update_attempt": .number(attempts),
        "listener_manager.lds.update_success": .number(attempts - refusals),
        "listener_manager.lds.update_rejected": .number(refusals),
      ])
    }
    let file = WrittenFile(resources: [], version: "2")
    let before = Subscriptions.Counts(version: "1", attempts: 5, successes: 4, refusals: 1)
    #expect(now("1", attempts: 5, refusals: 1).answer(to: file, of: .listeners, since: before) == .waiting)
    #expect(now("2", attempts: 6, refusals: 1).answer(to: file, of: .listeners, since: before) == .accepted)
    #expect(now("1", attempts: 6, refusals: 2).answer(to: file, of: .listeners, since: before) == .refused)
    #expect(now("2", attempts: 1).answer(to: file, of: .listeners, since: before) == .accepted)
    #expect(now("", attempts: 1, refusals: 1).answer(to: file, of: .listeners, since: before) == .refused)
    // Putting the same version back counts only when Envoy read it again: it may run half of the one between.
    let same = Subscriptions.Counts(version: "2", attempts: 6, successes: 5, refusals: 1)
    #expect(now("2", attempts: 6, refusals: 1).answer(to: file, of: .listeners, since: same) == .waiting)
    #expect(now("2", attempts: 7, refusals: 1).answer(to: file, of: .listeners, since: same) == .accepted)
  }

  @Test("of a file on disk: what was written is read again, anything else is not") func writtenFile() {
    let file = WrittenFile(resources: [["a": "x,\"version_info\":\"9\"}"]], version: "2")
    #expect(WrittenFile(text: file.text) == file)
    #expect(WrittenFile(text: String(file.text.dropLast(3))) == nil)
    #expect(WrittenFile(text: "{}") == nil)
  }
}
