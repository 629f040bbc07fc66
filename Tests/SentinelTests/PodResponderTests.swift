import AgentModel
import Faults
import Foundation
import KubernetesAPI
import Logging
import NodeProtocol
import Testing

@testable import Sentinel

@Suite("A response on a cluster", .timeLimit(.minutes(1))) struct PodResponderTests {
  private func pod(_ uid: String) throws -> WatchedPod {
    WatchedPod(
      uid: uid, namespace: "n", name: "bot", agent: AgentID(tenant: .default, name: try #require(AgentName("bot"))),
      owner: WatchedPod.Owner(name: "bot", uid: "a-1"), containers: [], isRunning: false, tier: "", image: "",
      response: .kill, address: "")
  }

  @Test("is tried until the Agent is told, though its Pod is gone for long") func forgotten() async throws {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    // Nobody is there.
    let client = try KubernetesClient(
      KubernetesConfiguration(
        server: try ServerAddress("https://127.0.0.1:9", operation: "test"), origin: "the test"),
      fieldManager: "test", patience: .zero)
    let (table, failures) = (PodTable(), AsyncStream<Void>.makeStream())
    let tried = Logger(label: "test") { _ in FailureLog { failures.continuation.yield() } }
    let responder = PodResponder(
      client: client, table: table, events: AgentEvents(client: client, identity: "i", logger: logger),
      metrics: ClusterSentinelMetrics(), logger: tried,
      pauses: BackOff(first: .milliseconds(1), longest: .milliseconds(1)))
    table.set(try pod("p"))
    let order = ResponseOrder(alert: "x", rule: "r", container: "p", response: .kill)
    let answer = Task {
      let answer = await responder.respond(order)
      failures.continuation.finish()
      return answer
    }
    var left = failures.stream.makeAsyncIterator()
    await left.next()
    table.remove("p")
    for number in 0..<1_000 {
      table.set(try pod("\(number)"))
      table.remove("\(number)")
    }
    #expect(table.pod("p") == nil)
    // The first of them may have begun before.
    for _ in 0..<3 { await left.next() }
    answer.cancel()
    #expect(await answer.value == nil)
    try await client.shutdown()
  }
}

/// Tells of each failure.
private struct FailureLog: LogHandler {
  let failed: @Sendable () -> Void
  var logLevel = Logger.Level.error
  var metadata: Logger.Metadata = [:]

  init(_ failed: @escaping @Sendable () -> Void) { self.failed = failed }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) { failed() }
}
