import Faults
import Manifests
import Testing

@testable import Detection

@Suite("An event that is written by hand")
struct SampleEventTests {
  private func event(_ text: String) throws -> SampleEvent {
    try SampleEvent(Manifest.parseOne(text, source: "event.yaml"))
  }

  @Test(
    "is refused with its place",
    arguments: [
      ("{evt.type: open, proc.nam: a}", "there is no field 'proc.nam'"),
      ("{evt.type: open, evt.arg: a}", "filter syntax error: evt.arg"),
      ("{evt.type: open, container.label: a}", "requires an argument but none provided"),
      ("{evt.type: open, proc.pid: a}", "the field 'proc.pid' cannot be text"),
      ("{evt.type: open, proc.pid: 1.5}", "the field 'proc.pid' cannot be a fraction"),
      ("{evt.type: open, user.uid: -1}", "the field 'user.uid' cannot be a number"),
      ("{evt.type: open, evt.is_io: 1}", "the field 'evt.is_io' cannot be a number"),
      ("{evt.type: open, fd.sip: 10.0.0}", "the field 'fd.sip' cannot be "),
      ("{evt.type: open, fd.sip: host}", "the field 'fd.sip' cannot be text"),
      ("{evt.type: open, proc.name: {a: b}}", "a field cannot be a mapping"),
      ("{evt.type: open, proc.aname: [a, {b: c}]}", "a field cannot be a mapping"),
      ("{evt.type: open, proc.apid: [1, a]}", "the field 'proc.apid' cannot be text"),
      ("{evt.type: opn}", "the event has no evt.type"), ("{proc.name: a}", "the event has no evt.type"),
      ("{evt.type: 5}", "the event has no evt.type"), ("[a]", "expected a mapping, found a list"),
    ])
  func refused(text: String, reason: String) throws {
    let fault = try #require(throws: Fault.self) { _ = try event(text) }
    #expect(fault.code == .invalid)
    #expect(fault.reason.contains(reason), "\(fault)")
    #expect(fault.operation.hasPrefix("read event.yaml"))
    #expect(!fault.remedy.isEmpty)
  }

  @Test("has numbers as text where the field is text") func text() throws {
    let rules = try LoadedRules(condition: "proc.name = 5 and proc.cwd = true and proc.aname in (1, b)")
    #expect(try rules.matches("{evt.type: openat, proc.name: 5, proc.cwd: true, proc.aname: [1, c]}") == ["r"])
  }

  @Test("has its type also as the type of its call") func callType() throws {
    let rules = try LoadedRules(condition: "syscall.type = openat")
    #expect(try rules.matches("{evt.type: openat}") == ["r"])
  }

  @Test("has any of a list's values, of numbers too") func lists() throws {
    let event = "{evt.type: openat, proc.aname: [a, b], proc.apid: [1, 2], proc.acmdline: []}"
    for condition in [
      "proc.aname = b", "proc.aname in (x, a)", "proc.apid = 2", "proc.apid in (2, 3)", "proc.apid > 1",
    ] {
      #expect(try LoadedRules(condition: condition).matches(event) == ["r"], "\(condition)")
    }
    for condition in ["proc.aname = c", "proc.apid = 3", "proc.apid > 2", "proc.acmdline = a"] {
      #expect(try LoadedRules(condition: condition).matches(event) == [], "\(condition)")
    }
  }
}
