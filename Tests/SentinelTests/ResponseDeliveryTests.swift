import APIModel
import AgentModel
import Foundation
import NodeProtocol
import Testing

@testable import Sentinel

@Suite("A response", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(2))) struct ResponseDeliveryTests {
  private static let rule = "Key read"
  private static let event = TraceBytes.openat("/etc/key")

  /// Runs `body` with a client of a sandbox whose agent asks for this response.
  private func attached(
    _ response: AgentResponse = .kill, linked: Bool = true,
    _ body: (DetectionBench, TraceClient) async throws -> Void
  ) async throws {
    try await DetectionBench.with { bench in
      try bench.tell()
      bench.tell([try WatchedSandbox.stub(response: response)])
      if linked { bench.link() }
      try await body(bench, try await bench.attach())
    }
  }

  private func answer(_ order: ResponseOrder, failure: String? = nil) -> DetectionServer.News {
    let time = Date(timeIntervalSince1970: 1_800_000_000)
    return .node(.answer(ResponseAnswer(alert: order.alert, time: time, failure: failure)))
  }

  @Test("is ordered for a critical alert, and its end is reported under the same id") func done() async throws {
    try await attached { bench, client in
      try await client.send(Self.event)
      let alert = try await bench.alert(Self.rule)
      #expect(alert.response == "kill" && alert.responseState == .pending && alert.responseTime == nil)
      try await eventually("an order") { !bench.node.orders.isEmpty }
      let order = ResponseOrder(
        alert: alert.id, rule: Self.rule, container: DetectionBench.container, response: .kill)
      #expect(bench.node.orders == [order])
      bench.server.tell(answer(order))
      try await eventually("its end") { bench.alerts().count == 2 }
      let end = try #require(bench.alerts().last)
      #expect(end.id == alert.id && end.responseState == .done && end.responseReason == nil)
      #expect(end.responseTime == Date(timeIntervalSince1970: 1_800_000_000))
      #expect(end.output == alert.output && end.outputFields == alert.outputFields)
    }
  }

  @Test("that is in force is not ordered again: later alerts are told as answered") func inForce() async throws {
    try await attached { bench, client in
      try await client.send(Self.event)
      try await eventually("an order") { bench.node.orders.count == 1 }
      let order = try #require(bench.node.orders.first)
      bench.server.tell(answer(order))
      try await eventually("its end") { bench.alerts().count == 2 }
      try await client.send(Self.event)
      try await eventually("the next alert") { bench.alerts().count == 3 }
      let next = try #require(bench.alerts().last)
      #expect(next.id != order.alert && next.responseState == .done)
      #expect(bench.node.orders == [order])
    }
  }

  @Test("is not ordered for what is less than critical, nor where the agent wants none") func none() async throws {
    for (response, path) in [(AgentResponse.kill, "/etc/shadow"), (.alert, "/etc/key")] {
      try await attached(response) { bench, client in
        try await client.send(TraceBytes.openat(path))
        try await eventually("an alert") { !bench.alerts().isEmpty }
        let alert = try #require(bench.alerts().first)
        #expect(alert.response == "alert" && alert.responseState == AlertResource.ResponseState.none)
        // What was ordered would have been told before the sessions that are told now.
        let revision = bench.tell([try WatchedSandbox.stub(response: response)])
        try await eventually("the sessions") { bench.node.revision == revision }
        #expect(bench.node.orders.isEmpty)
      }
    }
  }

  @Test("waits for a node that is away") func away() async throws {
    try await attached(linked: false) { bench, client in
      try await client.send(Self.event, times: 3)
      try await eventually("the alerts") { bench.alerts(of: Self.rule).count == 3 }
      let first = try #require(bench.alerts(of: Self.rule).first)
      #expect(bench.alerts().allSatisfy { $0.responseState == .pending })
      // It goes away again without an answer.
      for count in 1...2 {
        bench.link()
        try await eventually("the order") { bench.node.orders.count == count }
      }
      let orders = bench.node.orders
      #expect(orders.map(\.alert) == [first.id, first.id])
      bench.server.tell(answer(orders[0]))
      try await eventually("the end of all") { bench.alerts().count == 6 }
      #expect(bench.alerts().suffix(3).allSatisfy { $0.responseState == .done })
      bench.link()
      let revision = bench.tell([try WatchedSandbox.stub(response: .kill)])
      try await eventually("the sessions") { bench.node.revision == revision }
      #expect(bench.node.orders == orders)
    }
  }

  @Test("that failed is reported, and ordered again by the next event, though its alert is one of a flood")
  func failed() async throws {
    try await attached { bench, client in
      try await client.send(Self.event, times: 100)
      try await eventually("all events") { bench.counts(of: Self.rule).events >= 100 }
      #expect(bench.node.orders.count == 1)
      for round in 1...5 {
        try await eventually("order \(round)") { bench.node.orders.count == round }
        let order = try #require(bench.node.orders.last)
        bench.server.tell(answer(order, failure: "it is away"))
        try await eventually("failure \(round)") {
          bench.alerts().contains { $0.id == order.alert && $0.responseState == .failed }
        }
        let failure = bench.alerts().last { $0.id == order.alert }
        #expect(failure?.responseReason == "it is away")
        // So long it is not tried again.
        try await Task.sleep(for: .milliseconds(1_100))
        try await client.send(Self.event)
      }
      try await eventually("the last order") { bench.node.orders.count == 6 }
      try await eventually("all events") { bench.counts(of: Self.rule).events >= 105 }
      // Each event is told or counted, and not both.
      #expect(bench.counts(of: Self.rule).events == 105)
    }
  }

  @Test("is ordered anew in a sandbox that began anew") func begunAnew() async throws {
    try await attached { bench, client in
      try await client.send(Self.event)
      try await eventually("an order") { bench.node.orders.count == 1 }
      let order = try #require(bench.node.orders.first)
      bench.server.tell(answer(order))
      try await eventually("its end") { bench.alerts().count == 2 }
      client.end()
      let next = try await bench.attach()
      try await next.send(Self.event)
      try await eventually("another order") { bench.node.orders.count == 2 }
      #expect(bench.node.orders.last?.alert != order.alert)
    }
  }
}
