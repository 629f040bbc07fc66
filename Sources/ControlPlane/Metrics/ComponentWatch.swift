import Faults
import FoundationEssentials
import Instruments
import Proxy
import ServiceLifecycle
import Synchronization

/// Asks what may not answer how it does, every few seconds, so that a scrape never waits for it: a scrape tells what
/// was heard last, and when.
final class ComponentWatch: Service {
  private static let period = Duration.seconds(5)
  /// Longest wait for one answer.
  private static let patience = Duration.seconds(4)

  /// What was heard last.
  struct Heard<Value: Sendable>: Sendable {
    /// Of the last answer; `nil` before there was one.
    var value: Value?
    var answeredAt: Date?
    /// Whether the last question was answered.
    fileprivate var wasAnswered = false

    /// Whether it answered last, a moment ago.
    func isAnswering(at time: Date) -> Bool {
      wasAnswered && answeredAt.map { abs(time.timeIntervalSince($0)) < ComponentWatch.memory } == true
    }
  }

  /// Seconds that an answer counts.
  private static let memory: TimeInterval = 30

  /// What the gateway counted since it started.
  struct GatewayCounts: Sendable {
    /// By the first digit of their status: `2xx`.
    var responses: [String: Int] = [:]
    var rateLimited: Int?
  }

  private let secrets: any SecretKeeping
  private let gateway: GatewayCertificates?
  private let state = Mutex((seal: Heard<Bool>(), gateway: Heard<GatewayCounts>()))

  init(secrets: any SecretKeeping, gateway: GatewayCertificates?) {
    self.secrets = secrets
    self.gateway = gateway
  }

  /// Whether the secrets manager is sealed.
  var seal: Heard<Bool> { state.withLock { $0.seal } }
  /// `nil` where there is no gateway.
  var gatewayCounts: Heard<GatewayCounts>? { gateway == nil ? nil : state.withLock { $0.gateway } }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        // Apart, so that one that hangs keeps nothing from the other.
        group.addTask { await self.forever { await self.askSecretsManager() } }
        group.addTask { await self.forever { await self.askGateway() } }
      }
    }
  }

  /// Asks once.
  func look() async {
    await askSecretsManager()
    await askGateway()
  }

  private func forever(_ body: () async -> Void) async {
    while !Task.isCancelled {
      await body()
      do { try await Task.sleep(for: Self.period) } catch { return }
    }
  }

  private func askSecretsManager() async {
    // That it does not answer is what is told; why, the status tells.
    let isSealed = try? await withDeadline(Self.patience, operation: "ask the secrets manager") { [secrets] in
      try await secrets.isSealed()
    }
    state.withLock { Self.note(isSealed, in: &$0.seal) }
  }

  private func askGateway() async {
    guard let gateway else { return }
    let counts = try? await withDeadline(Self.patience, operation: "ask the gateway") {  // as above
      try await gateway.counts()
    }
    state.withLock { Self.note(counts, in: &$0.gateway) }
  }

  private static func note<Value>(_ value: Value?, in heard: inout Heard<Value>) {
    heard.wasAnswered = value != nil
    guard let value else { return }
    (heard.value, heard.answeredAt) = (value, .now)
  }
}

extension GatewayCertificates {
  /// What its Envoy counted at the public port.
  nonisolated func counts() async throws -> ComponentWatch.GatewayCounts {
    let prefix = "http.public.downstream_rq_"
    let limited = "rate_limit.http_local_rate_limit.rate_limited"
    let found = try await admin.statistics(matching: #"http\.public\.downstream_rq_[1-5]xx|\#(limited)"#)
    var counts = ComponentWatch.GatewayCounts()
    for case (let name, .number(let number)) in found {
      if name == limited { counts.rateLimited = number }
      if name.hasPrefix(prefix) { counts.responses[String(name.dropFirst(prefix.count))] = number }
    }
    return counts
  }
}
