import NameResolution
import NetworkIsolation
import Testing

@testable import Sentinel

@Suite("What was refused") struct DenialFindingsTests {
  private static let second: Int64 = 1_000_000_000

  private func packets(_ count: Int, interface: String? = "lb1-0") -> Denial {
    Denial(
      key: Denial.Key(
        interface: interface, rule: "egress", protocol: "tcp", source: "10.64.0.2", destination: "1.2.3.4", port: 25),
      firstSeen: 0, count: count)
  }

  private func attempts(_ count: Int, rule: String = "proxy-tls", host: String = "a.example") -> DeniedAttempt {
    DeniedAttempt(key: DeniedAttempt.Key(rule: rule, source: "10.64.0.2", host: host), firstSeen: 0, count: count)
  }

  @Test("is a burst when there is much of it in a short time, which is told once") func burst() {
    var findings = DenialFindings()
    findings.add([packets(DenialFindings.burst - 1)])
    #expect(findings.take(now: 20 * Self.second).isEmpty)
    findings.add([packets(DenialFindings.burst)])
    let told = findings.take(now: 21 * Self.second)
    #expect(told.map(\.0.rule) == ["Denied egress burst"])
    #expect(told.first?.1 == .interface("lb1-0"))
    #expect(told.first?.0.output.contains("\(DenialFindings.burst) packets") == true)
    findings.add([packets(1_000)])
    #expect(findings.take(now: 22 * Self.second).isEmpty)
    // The next window counts anew.
    _ = findings.take(now: 31 * Self.second)
    findings.add([packets(DenialFindings.burst)])
    #expect(findings.take(now: 32 * Self.second).count == 1)
  }

  @Test("over a long time is none") func slow() {
    var findings = DenialFindings()
    for window in 1...20 {
      findings.add([packets(DenialFindings.burst / 2)])
      #expect(findings.take(now: Int64(window * DenialFindings.window) * Self.second).isEmpty)
    }
  }

  @Test("of the shape of a tunnel is told at once, with a name of it") func tunnel() {
    var findings = DenialFindings()
    findings.add([attempts(3, rule: "dns-tunnel-like", host: "aGVsbG8.t.example"), attempts(2)])
    let told = findings.take(now: 20 * Self.second)
    #expect(told.map(\.0.rule) == ["DNS tunnel shape"])
    #expect(told.first?.1 == .address("10.64.0.2"))
    #expect(told.first?.0.output.contains("3 queries") == true)
    #expect(told.first?.0.output.contains("aGVsbG8.t.example") == true)
    #expect(findings.take(now: 21 * Self.second).isEmpty)
  }

  @Test("of several agents is told of each, and of no agent of none") func places() {
    var findings = DenialFindings()
    findings.add([packets(60), packets(60, interface: "lb1-1"), packets(60, interface: nil)])
    findings.add([attempts(60)])
    let places = Set(findings.take(now: 20 * Self.second).map(\.1))
    #expect(places == [.interface("lb1-0"), .interface("lb1-1"), .address("10.64.0.2")])
  }
}
