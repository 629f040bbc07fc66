import APIModel
import AgentModel
import Detection
import Foundation
import NodeProtocol

/// Which responses were ordered and what became of them: each once, however many alerts ask for it.
struct ResponseOrders {
  private struct Standing {
    var response: AgentResponse
    /// The alert that it was ordered for.
    var alert: String
    /// When it was in force; `nil` until then.
    var done: Date?
    /// Alerts that wait for the same.
    var waiting: [AlertResource]
  }

  /// Alerts that wait for one answer.
  private static let mostWaiting = 1_000
  /// Nanoseconds from a response that failed to the next try.
  private static let pause: Int64 = 1_000_000_000

  private var standings: [String: Standing] = [:]
  /// By the monotonic clock.
  private var notBefore: [String: Int64] = [:]

  /// Whether a rule that matched asks for a response that the sandbox has not had yet.
  func wants(_ rule: CompiledRules.Rule, of sandbox: WatchedSandbox, now: Int64) -> Bool {
    if let time = notBefore[sandbox.container], now < time { return false }
    let wanted = AgentResponse.wanted(priority: rule.priority, tags: rule.tags, agent: sandbox.response)
    return wanted > (standings[sandbox.container]?.response ?? .alert)
  }

  /// Takes an alert that asks for a response.
  ///
  /// - Returns: the alert as it is to be told, and the order to give, if it is not given already.
  mutating func take(_ alert: AlertResource, now: Int64) -> (alert: AlertResource, order: ResponseOrder?) {
    guard alert.responseState == .pending, let response = AgentResponse(rawValue: alert.response) else {
      return (alert, nil)
    }
    if var standing = standings[alert.container], standing.response >= response {
      if let done = standing.done { return (alert.answered(at: done, failure: nil), nil) }
      guard standing.waiting.count < Self.mostWaiting else {
        var alert = alert
        alert.responseState = .none
        alert.responseReason = "it was ordered for alert \(standing.alert)"
        return (alert, nil)
      }
      standing.waiting.append(alert)
      standings[alert.container] = standing
      return (alert, nil)
    }
    if let time = notBefore[alert.container], now < time {
      return (alert.answered(at: .now, failure: "the response failed a moment ago"), nil)
    }
    // A stronger one: what waited for the weaker is answered with it.
    let waiting = standings[alert.container].map { $0.done == nil ? $0.waiting : [] } ?? []
    standings[alert.container] = Standing(response: response, alert: alert.id, waiting: waiting + [alert])
    return (alert, order(alert.container))
  }

  /// - Returns: the alerts with what became of them.
  mutating func take(_ answer: ResponseAnswer, now: Int64) -> [AlertResource] {
    guard let (container, standing) = standings.first(where: { $0.value.alert == answer.alert }) else { return [] }
    let answered = standing.waiting.map { $0.answered(at: answer.time, failure: answer.failure) }
    if answer.failure == nil {
      standings[container]?.done = answer.time
      standings[container]?.waiting = []
    } else {
      // The next alert tries again, but not as fast as alerts come.
      standings[container] = nil
      notBefore[container] = now + Self.pause
    }
    return answered
  }

  /// Orders without an answer, to be given again when the node was away.
  var unanswered: [ResponseOrder] { standings.filter { $0.value.done == nil }.keys.sorted().compactMap(order) }

  /// Whether an order about the sandbox waits for its answer.
  func isPending(_ container: String) -> Bool { standings[container].map { $0.done == nil } ?? false }

  /// The sandbox is gone, or a new one.
  ///
  /// - Returns: the alerts that waited for its response.
  mutating func forget(_ container: String) -> [AlertResource] {
    notBefore[container] = nil
    guard let standing = standings.removeValue(forKey: container), standing.done == nil else { return [] }
    return standing.waiting.map { $0.answered(at: .now, failure: "the sandbox was gone before an answer came") }
  }

  private func order(_ container: String) -> ResponseOrder? {
    guard let standing = standings[container], let alert = standing.waiting.first(where: { $0.id == standing.alert })
    else { return nil }
    return ResponseOrder(alert: alert.id, rule: alert.rule, container: container, response: standing.response)
  }
}

extension AlertResource {
  fileprivate func answered(at time: Date, failure: String?) -> AlertResource {
    var alert = self
    alert.responseState = failure == nil ? .done : .failed
    alert.responseReason = failure
    alert.responseTime = time
    return alert
  }
}
