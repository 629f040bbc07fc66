import Foundation
import Testing
import Verification

@testable import ClusterVerification

@Suite("What a probe told") struct ProbeRecordTests {
  private func line(_ id: String, isDone: Bool = false, _ text: String = "", nonce: String = "n") throws -> String {
    String(
      decoding: try JSONEncoder().encode(ProbeLine(nonce: nonce, id: id, isDone: isDone, text: text)), as: UTF8.self)
  }

  private func record(_ lines: [String]) -> ProbeRecord {
    ProbeRecord(Array(lines.joined(separator: "\n").utf8), nonce: "n")
  }

  @Test("is whole with its last line, and not before") func whole() throws {
    #expect(try record([line("api"), line(ProbeLine.end)]).isWhole)
    #expect(try !record([line("api")]).isWhole)
  }

  @Test("is no more than the lines with the run's mark") func nonce() throws {
    let record = try record([
      "warning: something else", "{", line("api", isDone: true, nonce: "other"), line(ProbeLine.end, nonce: ""),
      #"{"nonce":"n","id":7}"#, "[]", "null",
    ])
    #expect(record["api"] == nil)
    #expect(!record.isWhole)
  }

  @Test("keeps what was reached once, whatever is told later") func reached() throws {
    let record = try record([line("api", isDone: true, "round 1"), line("api", "no answer")])
    #expect(record["api"]?.isDone == true)
    #expect(record["api"]?.text == "round 1; not any more some seconds later")
  }

  @Test("has nothing in it that a terminal obeys, and no long text") func plain() throws {
    let record = try record([
      line("api", "\u{1B}[2J\u{9B}31m\nline \u{202E}"), line("long", String(repeating: "x", count: 1_000)),
    ])
    let text = try #require(record["api"]?.text)
    #expect(text.unicodeScalars.allSatisfy { (0x20..<0x7F).contains($0.value) })
    #expect(record["long"]?.text.count == 200)
  }

  @Test("leaves out lines and logs that are too long") func bounded() throws {
    let long = try line("long", String(repeating: "x", count: 8_000))
    #expect(record([long])["long"] == nil)
    let flood = String(repeating: "x", count: ProbeRecord.longestLog)
    #expect(try record([flood, line("late")])["late"] == nil)
  }

  @Test("takes no bytes for text that are none") func bytes() {
    let record = ProbeRecord([0xFF, 0xFE, 0x0A, 0x7B, 0x00, 0x7D, 0x0A], nonce: "n")
    #expect(!record.isWhole)
  }
}

@Suite("A probe") struct ProbeTests {
  @Test("reads its plan back from its argument, and nothing else for one") func plan() throws {
    var plan = ProbePlan(nonce: "n", canary: "c")
    plan.knocks = [ProbePlan.Knock("a", .udp, "10.0.0.1", 53, payload: [1, 2, 3])]
    plan.deeds = [.run(name: "bash"), .runLong(name: "long", kibibytes: 640), .open("/etc/shadow")]
    plan.bombs = [.processes(2), .memory(megabytes: 3), .cpu(threads: 4, seconds: 1)]
    plan.late = plan.knocks
    #expect(try ProbePlan(argument: plan.argument) == plan)
    for text in ["", "plan", "e30=", "//8="] { #expect(ProbePlan(argument: text) == nil) }
  }

  @Test("tells what it reaches from what it does not", .timeLimit(.minutes(1))) func knocks() throws {
    let port = UInt16.random(in: 20_000..<32_000)
    let listeners = ProbeListeners([port], canary: "canary")
    try #require(listeners.failures.isEmpty)
    typealias Knock = ProbePlan.Knock
    let outcomes = ProbeKnocks([
      Knock("tcp", .tcp, "127.0.0.1", port), Knock("udp", .udp, "127.0.0.1", port), Knock("none", .tcp, "127.0.0.1", 1),
      Knock("no datagram", .udp, "127.0.0.1", 1), Knock("name", .tcp, "localhost", port),
    ]).outcomes(while: listeners)
    let byID = Dictionary(uniqueKeysWithValues: outcomes.map { ($0.id, $0) })
    #expect(byID.count == 5)
    for id in ["tcp", "udp"] {
      #expect(byID[id]?.isDone == true)
      #expect(byID[id]?.answer == Data("canary".utf8))
    }
    for id in ["none", "no datagram", "name"] { #expect(byID[id]?.isDone == false) }
  }

  @Test("looks round") func look() {
    var told: [String: (Bool, String)] = [:]
    ProbeLook(files: ["/nowhere/at/all"]).see { told[$0] = ($1, $2) }
    #expect(told["uid"]?.1 == "\(geteuid())")
    #expect(told["file:/nowhere/at/all"]?.0 == false)
    #expect(told["file:/proc/version"]?.1.contains("Linux") == true)
    #expect(told["CapEff"] != nil)
    #expect(told["file:\(ProbeLook.token)"]?.0 == false)
  }

  @Test("starts programs of its own, and ends them") func programs() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "lobstack-tiny-\(UUID().uuidString)").path
    defer { unlink(path) }
    try #require(TinyProgram.end.write(to: path) == nil)
    try ProbeSpawn.start(path, [String(repeating: "x", count: 64 << 10)]).get().end()
    try #require(TinyProgram.wait.write(to: path) == nil)
    let waiting = try ProbeSpawn.start(path).get()
    #expect(kill(waiting.process, 0) == 0)
    kill(waiting.process, SIGKILL)
    waiting.end()
    #expect(kill(waiting.process, 0) != 0)
    unlink(path)
    #expect(throws: ProbeSpawn.SpawnError.self) { try ProbeSpawn.start(path).get() }
  }

  @Test("tells how much its bombs took") func bombs() {
    var told: [String: [(Bool, String)]] = [:]
    ProbeBombs { told[$0, default: []].append(($1, $2)) }.set(off: .memory(megabytes: 20))
    #expect(told[ProbePlan.Bomb.memoryID]?.map(\.0) == [false, false, true])
    #expect(told[ProbePlan.Bomb.memoryID]?.last?.1 == "32 MiB held")
  }
}
