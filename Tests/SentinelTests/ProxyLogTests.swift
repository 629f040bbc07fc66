import Foundation
import Glibc
import NameResolution
import Sentinel
import TestSupport
import Testing

private func line(
  _ host: String = #""evil.example.net""#, agent: String = "10.64.0.2", path: String = #""/v1/x""#, more: String = ""
) -> String {
  #"{"time":"2026-01-31T23:59:59.123Z","agent":"\#(agent)","kind":"http","host":\#(host),"method":"GET","#
    + #""path":\#(path),"flags":"NR","details":"route_not_found","code":404\#(more)}"#
}

@Suite("A line of the proxy's log") struct ProxyDenialTests {
  @Test("is read whole") func whole() throws {
    let denial = try #require(ProxyDenial(line: Array(line(#""Evil.example.net:443""#).utf8)))
    #expect(denial.time == 1_769_903_999_123_000_000)
    #expect(
      denial.source == .agent(try parsed("10.64.0.2")) && denial.kind == "http" && denial.host == "evil.example.net:443"
    )
    #expect(denial.method == "GET" && denial.path == "/v1/x" && denial.flags == "NR")
    #expect(denial.details == "route_not_found" && denial.code == 404)
  }

  @Test("has the name of the agent where the proxy is one agent's alone") func service() throws {
    let denial = try #require(ProxyDenial(line: Array(line(agent: "agent-bot").utf8)))
    #expect(denial.source == .service("agent-bot") && DeniedAttempt.Key(denial).source == "agent-bot")
  }

  @Test("may leave out what there was not") func sparse() throws {
    let text =
      #"{"time":"2026-01-31T23:59:59.123Z","agent":"10.64.0.2","kind":"tls","host":null,"method":null,"path":"-","#
      + #""flags":"NR","details":"","code":0}"#
    let denial = try #require(ProxyDenial(line: Array(text.utf8)))
    #expect(denial.host == nil && denial.method == nil && denial.path == nil && denial.details == nil)
    #expect(denial.code == nil)
  }

  @Test(
    "is refused when it is anything else",
    arguments: [
      "", "{}", "[]", "null", line() + line(), line().dropLast() + "", line(more: #","extra":1"#),
      line(agent: "10.64.0.2:1234"), line(agent: "::1"), line("1"), line().replacing("http", with: "Ht tp"),
      line().replacing("404", with: "\"404\""), line().replacing("404", with: "4.5"),
      line().replacing("2026", with: "9999"), line().replacing("2026", with: "2263"),
      line().replacing("2026", with: "1999"), line().replacing("2026-01-31T23", with: "yesterday"),
      line().replacing(#""kind":"http","#, with: ""),
      line(String(repeating: "[", count: 20_000)), line("\"" + String(repeating: "a", count: 40_000) + "\""),
    ]) func refused(text: String) throws
  {
    #expect(ProxyDenial(line: Array(text.utf8)) == nil)
  }

  @Test("gives printable text only, in bounds") func printable() throws {
    let nasty = try #require(ProxyDenial(line: Array(line(#""a\u001b[2J\u0000é\n b""#).utf8)))
    #expect(nasty.host == "a%1B[2j%00%C3%A9%0A%20b")
    let long = try #require(
      ProxyDenial(line: Array(line(path: "\"/" + String(repeating: "\\u0007", count: 3_000) + "\"").utf8)))
    #expect(long.path?.count == 257)
    #expect(ProxyDenial(line: Array(#"{"time":"#.utf8) + [0xff, 0xfe]) == nil)
  }

  @Test("made of a good one by changes never traps") func mutated() {
    var state: UInt64 = 3
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    for _ in 0..<5_000 {
      var bytes = Array(line().utf8)
      for _ in 0...next(4) { bytes[next(bytes.count)] = UInt8(next(256)) }
      if let denial = ProxyDenial(line: bytes) {
        #expect(denial.host?.utf8.allSatisfy { (0x21...0x7e).contains($0) } ?? true)
      }
    }
  }
}

@Suite("The proxy's log", .timeLimit(.minutes(2))) struct ProxyLogTests {
  private final class Log {
    let path: String
    private let directory: URL

    init() throws {
      directory = FileManager.default.temporaryDirectory.appending(path: "proxy-log-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      path = directory.appending(path: "denials.jsonl").path(percentEncoded: false)
    }

    deinit { try? FileManager.default.removeItem(at: directory) }  // a leftover below /tmp harms nobody

    func append(_ text: String) throws { try append(Array(text.utf8)) }

    func append(_ bytes: [UInt8]) throws {
      let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
      defer { close(descriptor) }
      guard write(descriptor, bytes, bytes.count) == bytes.count else { throw TestError(text: "write") }
    }
  }

  /// What was told once so many attempts came, or what there is after five seconds.
  private func contents(of reader: ProxyLogReader, attempts: Int) async throws -> ([String], malformed: Int) {
    var lines: [String] = []
    var malformed = 0
    for _ in 0..<100 where lines.count < attempts {
      let contents = reader.drain()
      lines += contents.attempts.attempts.map { "\($0.key.source) \($0.key.host) \($0.count)" }
      malformed += contents.malformed
      try await Task.sleep(for: .milliseconds(50))
    }
    return (lines, malformed)
  }

  @Test("is read from where it ended, over partial lines, renaming, shortening and absence") func follows() async throws
  {
    let log = try Log()
    try log.append(line(#""old""#) + "\n")
    let reader = ProxyLogReader(path: log.path, logger: TestLog().logger)
    reader.start()
    defer { reader.stop() }
    try await Task.sleep(for: .milliseconds(400))
    let text = line(#""one""#)
    try log.append(String(text.prefix(40)))
    try await Task.sleep(for: .milliseconds(400))
    try log.append(text.dropFirst(40) + "\n\n" + line(#""two""#) + "\n" + line(#""two""#) + "\n")
    #expect(try await contents(of: reader, attempts: 2) == (["10.64.0.2 one 1", "10.64.0.2 two 2"], 0))
    // Renamed with an unfinished line in it; the writer goes on in the old one for a while.
    try log.append("{\"unfinished")
    rename(log.path, log.path + ".1")
    let old = open(log.path + ".1", O_WRONLY | O_APPEND)
    let late = Array(("\n" + line(#""late""#) + "\n{\"cut").utf8)
    #expect(write(old, late, late.count) == late.count)
    close(old)
    try log.append(line(#""three""#) + "\n")
    let renamed = try await contents(of: reader, attempts: 2)
    #expect(renamed == (["10.64.0.2 late 1", "10.64.0.2 three 1"], 1))
    #expect(truncate(log.path, 0) == 0)
    try await Task.sleep(for: .milliseconds(600))
    try log.append(line(#""four""#) + "\n")
    #expect(try await contents(of: reader, attempts: 1) == (["10.64.0.2 four 1"], 0))
    try FileManager.default.removeItem(atPath: log.path)
    try await Task.sleep(for: .milliseconds(600))
    try log.append(line(#""five""#) + "\n")
    #expect(try await contents(of: reader, attempts: 1) == (["10.64.0.2 five 1"], 0))
  }

  @Test("may hold lines without end, and bytes that are no text") func hostile() async throws {
    let log = try Log()
    let reader = ProxyLogReader(path: log.path, logger: TestLog().logger)
    reader.start()
    defer { reader.stop() }
    try await Task.sleep(for: .milliseconds(300))
    for _ in 0..<10 { try log.append([UInt8](repeating: 0x41, count: 1 << 20)) }
    try log.append("\n" + line(#""one""#) + "\n")
    try log.append([0xff, 0x00, 0xfe, 0x0a])
    try log.append(line(#""two""#) + "\n")
    #expect(try await contents(of: reader, attempts: 2) == (["10.64.0.2 one 1", "10.64.0.2 two 1"], 2))
  }

  @Test("that cannot be read is told of once") func unreadable() async throws {
    let log = try Log()
    try FileManager.default.createDirectory(atPath: log.path, withIntermediateDirectories: false)
    let told = TestLog()
    let reader = ProxyLogReader(path: log.path, logger: told.logger)
    reader.start()
    defer { reader.stop() }
    try await Task.sleep(for: .milliseconds(900))
    #expect(told.messages.count == 1 && told.messages.first?.hasPrefix("error") == true)
    try FileManager.default.removeItem(atPath: log.path)
    try log.append(line(#""one""#) + "\n")
    try await Task.sleep(for: .milliseconds(600))
    try log.append(line(#""two""#) + "\n")
    #expect(try await contents(of: reader, attempts: 2).0.contains("10.64.0.2 two 1"))
  }
}

@Suite("The window of refused attempts") struct AttemptWindowTests {
  @Test("has room for every agent, whatever one of them does") func fair() {
    var window = AttemptWindow()
    for number in 0..<10_000 {
      window.add(.init(rule: "dns-refused-name", source: "10.64.0.2", host: "x\(number)"), time: Int64(number))
    }
    window.add(.init(rule: "dns-refused-name", source: "10.64.0.6", host: "y"), time: 10_000)
    window.add(.init(rule: "dns-refused-name", source: "10.64.0.2", host: "x0"), time: 10_001)
    let contents = window.drain()
    #expect(contents.attempts.count == AttemptWindow.longestPerAgent + 1)
    #expect(contents.attempts.first?.count == 2 && contents.attempts.first?.firstSeen == 0)
    #expect(contents.attempts.last?.key.source == "10.64.0.6")
    #expect(contents.untold == ["10.64.0.2": 10_000 - AttemptWindow.longestPerAgent])
    #expect(window.drain() == AttemptWindow.Contents())
  }

  @Test("has bounded room for all agents together") func bounded() {
    var window = AttemptWindow()
    for number in 0..<5_000 {
      window.add(.init(rule: "dns-unknown-source", source: "s\(number)", host: "x"), time: 0)
    }
    let contents = window.drain()
    #expect(contents.attempts.count == AttemptWindow.longest)
    #expect(contents.untold.count <= AttemptWindow.longest + 1)
    #expect(contents.untold.values.reduce(0, +) == 4_000)
  }
}
