import APIModel
import AgentModel
import Detection
import Foundation
import NodeProtocol
import Testing

@testable import Sentinel

@Suite("Orders of responses") struct ResponseOrdersTests {
  private final class Bench {
    private var orders = ResponseOrders()
    /// Nanoseconds.
    var now: Int64 = 0

    /// - Returns: the state that the alert is told with, and the order that it makes.
    func alert(
      _ id: String, _ response: AgentResponse, container: String = "t.a"
    ) -> (told: AlertResource, order: ResponseOrder?) {
      let (told, order) = orders.take(
        AlertResource.stub(id, container: container, response: response), now: now)
      return (told, order)
    }

    /// - Returns: the alerts that are told again.
    func answer(_ alert: String, at seconds: Double = 10, failure: String? = nil) -> [AlertResource] {
      orders.take(ResponseAnswer(alert: alert, time: Date(timeIntervalSince1970: seconds), failure: failure), now: now)
    }

    func forget(_ container: String) -> [AlertResource] { orders.forget(container) }

    var unanswered: [ResponseOrder] { orders.unanswered }

    func wants(_ rule: CompiledRules.Rule, _ sandbox: WatchedSandbox) -> Bool {
      orders.wants(rule, of: sandbox, now: now)
    }
  }

  private func order(_ alert: String, _ response: AgentResponse, container: String = "t.a") -> ResponseOrder {
    ResponseOrder(alert: alert, rule: "Shadow read", container: container, response: response)
  }

  @Test("are given once, however many alerts of a sandbox ask for the same") func once() {
    let bench = Bench()
    let first = bench.alert("1", .kill)
    #expect(first.order == order("1", .kill))
    #expect(first.told.responseState == .pending)
    for id in ["2", "3"] {
      let later = bench.alert(id, .kill)
      #expect(later.order == nil)
      #expect(later.told.id == id && later.told.responseState == .pending)
    }
  }

  @Test("are given for each sandbox of its own") func sandboxes() {
    let bench = Bench()
    #expect(bench.alert("1", .kill).order == order("1", .kill))
    #expect(bench.alert("2", .kill, container: "t.b").order == order("2", .kill, container: "t.b"))
    #expect(bench.answer("1").map(\.id) == ["1"])
    #expect(bench.unanswered == [order("2", .kill, container: "t.b")])
  }

  @Test("are not given for an alert that asks for none") func none() {
    let bench = Bench()
    let taken = bench.alert("1", .alert)
    #expect(taken.order == nil && taken.told == AlertResource.stub("1", container: "t.a"))
    #expect(bench.unanswered.isEmpty)
  }

  @Test("are answered for all alerts that waited for them") func answered() {
    let bench = Bench()
    for id in ["1", "2", "3"] { _ = bench.alert(id, .freeze) }
    let told = bench.answer("1", at: 10)
    #expect(told.map(\.id) == ["1", "2", "3"])
    #expect(told.allSatisfy { $0.responseState == .done && $0.responseReason == nil })
    #expect(told.allSatisfy { $0.responseTime == Date(timeIntervalSince1970: 10) })
    #expect(bench.answer("1").isEmpty)
  }

  @Test("cover weaker ones") func weaker() {
    let bench = Bench()
    _ = bench.alert("1", .kill)
    let weaker = bench.alert("2", .freeze)
    #expect(weaker.order == nil && weaker.told.responseState == .pending)
    let told = bench.answer("1")
    #expect(told.map(\.id) == ["1", "2"] && told.allSatisfy { $0.responseState == .done })
    // Each is told with what it asked for itself.
    #expect(told.map(\.response) == ["kill", "freeze"])
  }

  @Test("give way to stronger ones, whose answer is for all") func stronger() {
    let bench = Bench()
    _ = bench.alert("1", .freeze)
    #expect(bench.alert("2", .kill).order == order("2", .kill))
    #expect(bench.unanswered == [order("2", .kill)])
    #expect(bench.answer("1").isEmpty)
    #expect(bench.answer("2").map(\.id) == ["1", "2"])
  }

  @Test("are done at once for an alert that comes when the response is in force") func inForce() {
    let bench = Bench()
    _ = bench.alert("1", .quarantine)
    _ = bench.answer("1", at: 10)
    for (id, response) in [("2", AgentResponse.quarantine), ("3", .freeze)] {
      let later = bench.alert(id, response)
      #expect(later.order == nil && later.told.responseState == .done)
      #expect(later.told.responseTime == Date(timeIntervalSince1970: 10))
    }
    // A stronger one is not in force yet, and nobody else waits for it.
    let stronger = bench.alert("4", .kill)
    #expect(stronger.order == order("4", .kill) && stronger.told.responseState == .pending)
    #expect(bench.answer("4", at: 20).map(\.id) == ["4"])
  }

  @Test("that failed say so, and the next alert gives one anew") func failed() {
    let bench = Bench()
    for id in ["1", "2"] { _ = bench.alert(id, .kill) }
    let told = bench.answer("1", at: 10, failure: "it cannot be ended")
    #expect(told.map(\.id) == ["1", "2"])
    #expect(told.allSatisfy { $0.responseState == .failed && $0.responseReason == "it cannot be ended" })
    #expect(told.allSatisfy { $0.responseTime == Date(timeIntervalSince1970: 10) })
    #expect(bench.unanswered.isEmpty)
    // Not as fast as alerts come.
    let early = bench.alert("early", .kill)
    #expect(early.order == nil && early.told.responseState == .failed)
    bench.now += 1_000_000_000
    #expect(bench.alert("3", .freeze).order == order("3", .freeze))
    #expect(bench.answer("3").map(\.id) == ["3"])
  }

  @Test("are known while nobody answered them, by sandbox") func unanswered() {
    let bench = Bench()
    _ = bench.alert("1", .kill, container: "t.b")
    _ = bench.alert("2", .freeze, container: "t.a")
    _ = bench.alert("3", .kill, container: "t.c")
    #expect(
      bench.unanswered == [
        order("2", .freeze, container: "t.a"), order("1", .kill, container: "t.b"), order("3", .kill, container: "t.c"),
      ])
    _ = bench.answer("1")
    _ = bench.answer("3", failure: "it is gone")
    #expect(bench.unanswered == [order("2", .freeze, container: "t.a")])
  }

  @Test("that nobody gave are not answered") func unknownAnswer() {
    let bench = Bench()
    _ = bench.alert("1", .kill)
    _ = bench.alert("2", .kill)
    // It waits, but nothing was ordered for it.
    #expect(bench.answer("2").isEmpty)
    #expect(bench.answer("unknown").isEmpty)
    #expect(bench.unanswered == [order("1", .kill)])
  }

  @Test("are given anew for a sandbox that began anew") func forgotten() {
    let bench = Bench()
    _ = bench.alert("1", .kill)
    _ = bench.answer("1")
    _ = bench.alert("2", .kill, container: "t.b")
    #expect(bench.forget("t.a").isEmpty)
    #expect(bench.alert("3", .kill).order == order("3", .kill))
    #expect(bench.alert("4", .kill, container: "t.b").order == nil)
    // Those that waited learn that there will be no answer.
    let waited = bench.forget("t.b")
    #expect(waited.map(\.id) == ["2", "4"] && waited.allSatisfy { $0.responseState == .failed })
  }

  @Test("hold a bounded number of alerts that wait, and are carried out all the same") func bounded() {
    let bench = Bench()
    for number in 0..<2_000 { _ = bench.alert("\(number)", .kill) }
    // It says which alert it was ordered for.
    let late = bench.alert("late", .kill).told
    #expect(late.responseState == .none && late.responseReason?.contains("alert 0") == true)
    let told = bench.answer("0")
    #expect((1...1_000).contains(told.count))
    #expect(told.first?.id == "0")
    #expect(bench.alert("later", .kill).told.responseState == .done)
  }

  @Test("are wanted by a rule as long as none as strong was given") func wanted() throws {
    let bench = Bench()
    let compiled = try RuleDirectory.compile([(name: "rules.yaml", text: DetectionBench.rules)])
    try #require(compiled.rules.map(\.name) == ["Shadow read", "Key read"])
    let (harmless, critical) = (compiled.rules[0], compiled.rules[1])
    let sandbox = try WatchedSandbox.stub(response: .quarantine)
    let unanswered = try WatchedSandbox.stub(response: .alert)
    let container = sandbox.container
    #expect(!bench.wants(harmless, sandbox))
    #expect(!bench.wants(critical, unanswered))
    #expect(bench.wants(critical, sandbox))
    _ = bench.alert("1", .freeze, container: container)
    #expect(bench.wants(critical, sandbox))
    _ = bench.alert("2", .quarantine, container: container)
    #expect(!bench.wants(critical, sandbox))
    _ = bench.answer("2", failure: "it is away")
    #expect(!bench.wants(critical, sandbox))
    bench.now += 1_000_000_000
    #expect(bench.wants(critical, sandbox))
    _ = bench.alert("3", .kill, container: container)
    _ = bench.answer("3")
    #expect(!bench.wants(critical, sandbox))
  }
}
