import APIModel
import AgentModel
import Foundation
import Testing

@testable import Sentinel

@Suite("The gate of alerts") struct AlertGateTests {
  /// A gate, with a clock that stands still unless it is moved.
  private final class Bench {
    private var gate = AlertGate()
    /// Nanoseconds.
    private var now: Int64 = 1_000_000_000_000

    func wait(milliseconds: Int64) { now += milliseconds * 1_000_000 }

    func counted() -> [AlertResource] { gate.counted() }

    func answered(_ alert: AlertResource) { gate.answered(alert) }

    func forget(_ container: String) { gate.forget(container) }

    /// - Returns: whether the alert is told, and the one before it if that is to be told again.
    func alert(
      _ id: String, rule: String = "Shell", container: String = "t.a", response: AgentResponse = .alert
    ) -> (isTold: Bool, counted: AlertResource?) {
      let key = AlertGate.Key(container: container, rule: rule)
      guard gate.admits(key, now: now) else { return (false, nil) }
      return (true, gate.told(AlertResource.stub(id, rule: rule, container: container, response: response), key))
    }

    /// - Returns: which were told.
    func alerts(_ numbers: Range<Int>, rule: String = "Shell", container: String = "t.a") -> [Int] {
      var told: [Int] = []
      for number in numbers where alert("\(number)", rule: rule, container: container).isTold { told.append(number) }
      return told
    }
  }

  @Test("lets twenty through at once, and counts the others on the last that was told") func burst() {
    let bench = Bench()
    #expect(bench.alerts(0..<25) == Array(0..<20))
    let counted = bench.counted()
    #expect(counted.map(\.id) == ["19"])
    #expect(counted.map(\.suppressed) == [5])
  }

  @Test("lets one through each second from then on, and with it tells the count of the one before") func refill() {
    let bench = Bench()
    #expect(bench.alerts(0..<21) == Array(0..<20))
    bench.wait(milliseconds: 500)
    #expect(!bench.alert("early").isTold)
    bench.wait(milliseconds: 500)
    let (isTold, counted) = bench.alert("later")
    #expect(isTold)
    #expect(counted?.id == "19" && counted?.suppressed == 2)
    #expect(!bench.alert("too many").isTold)
    let last = bench.counted()
    #expect(last.map(\.id) == ["later"] && last.map(\.suppressed) == [1])
  }

  @Test("lets no more than twenty through after a long silence") func silence() {
    let bench = Bench()
    #expect(bench.alerts(0..<20).count == 20)
    bench.wait(milliseconds: 3_600_000)
    #expect(bench.alerts(100..<130) == Array(100..<120))
  }

  @Test("says nothing of the one before when nothing was counted on it") func nothingCounted() {
    let bench = Bench()
    for number in 0..<20 { #expect(bench.alert("\(number)").counted == nil) }
    #expect(bench.counted().isEmpty)
  }

  @Test("hides no other rule's alerts, and no other sandbox's") func others() {
    let bench = Bench()
    #expect(bench.alerts(0..<1_000) == Array(0..<20))
    #expect(bench.alerts(0..<20, rule: "Key read") == Array(0..<20))
    #expect(bench.alerts(0..<20, container: "t.b") == Array(0..<20))
    let counted = bench.counted()
    #expect(counted.map(\.rule) == ["Shell"] && counted.map(\.container) == ["t.a"])
    #expect(counted.map(\.suppressed) == [980])
  }

  @Test("tells of counts only that changed since they were told") func changed() {
    let bench = Bench()
    _ = bench.alerts(0..<25)
    _ = bench.alerts(0..<23, rule: "Key read")
    let first = bench.counted().sorted { $0.rule < $1.rule }
    #expect(first.map(\.suppressed) == [3, 5])
    #expect(bench.counted().isEmpty)
    #expect(!bench.alert("more").isTold)
    let second = bench.counted()
    #expect(second.map(\.rule) == ["Shell"] && second.map(\.suppressed) == [6])
    // What was told already is not told again with the next one.
    bench.wait(milliseconds: 1_000)
    let (isTold, counted) = bench.alert("later")
    #expect(isTold && counted == nil)
  }

  @Test("tells counts with what became of the response") func answered() throws {
    let bench = Bench()
    for number in 0..<20 { _ = bench.alert("\(number)", response: .kill) }
    let time = Date(timeIntervalSince1970: 7)
    var answer = AlertResource.stub("19", rule: "Shell", container: "t.a", response: .kill)
    answer.responseState = .failed
    answer.responseReason = "it is away"
    answer.responseTime = time
    bench.answered(answer)
    #expect(!bench.alert("more").isTold)
    let counted = try #require(bench.counted().first)
    #expect(counted.id == "19" && counted.suppressed == 1)
    #expect(counted.responseState == .failed && counted.responseReason == "it is away")
    #expect(counted.responseTime == time)
  }

  @Test("takes over nothing of the response to another alert") func answeredOther() throws {
    let bench = Bench()
    for number in 0..<20 { _ = bench.alert("\(number)", response: .kill) }
    var answer = AlertResource.stub("18", rule: "Shell", container: "t.a", response: .kill)
    answer.responseState = .done
    bench.answered(answer)
    #expect(!bench.alert("more").isTold)
    let counted = try #require(bench.counted().first)
    #expect(counted.id == "19" && counted.responseState == .pending)
  }

  @Test("forgets a sandbox that is gone, and no other") func forgotten() {
    let bench = Bench()
    _ = bench.alerts(0..<25)
    _ = bench.alerts(0..<25, container: "t.b")
    bench.forget("t.a")
    #expect(bench.counted().map(\.container) == ["t.b"])
    #expect(bench.alerts(0..<25) == Array(0..<20))
    #expect(bench.alerts(0..<25, container: "t.b").isEmpty)
  }
}
