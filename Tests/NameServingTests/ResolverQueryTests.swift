import ChildProcess
import Foundation
import Glibc
import NameResolution
import NameServing
import TestSupport
import Testing

private let hasRoot = geteuid() == 0 || ProcessInfo.processInfo.environment["REQUIRE_ROOT_TESTS"] == "1"
private let hasDig = Command.locate("dig") != nil || ProcessInfo.processInfo.environment["REQUIRE_ROOT_TESTS"] == "1"

@Suite("The resolver's clients", .serialized, .timeLimit(.minutes(2))) struct ResolverQueryTests {
  @Test(
    "of Debian's dig get answers in every transport and dialect", .enabled(if: hasDig),
    arguments: [
      "", "+tcp", "+noedns", "+tcp +noedns", "+dnssec", "+cookie", "+padding=128", "+keepalive +tcp", "+bufsize=0",
    ])
  func dig(options: String) async throws {
    try await TestResolver.with { resolver in
      #expect(try await resolver.dig("+short \(options) API.Example.cOM") == "10.64.255.253\n")
      let answer = try await resolver.dig("\(options) aPi.eXample.cOM")
      #expect(answer.contains("status: NOERROR") && answer.contains("aPi.eXample.cOM."))
      #expect(!answer.contains("WARNING") && !answer.contains(";; Warning") && !answer.contains("mismatch"))
      let empty = try await resolver.dig("\(options) api.example.com AAAA")
      #expect(empty.contains("status: NOERROR") && empty.contains("ANSWER: 0, AUTHORITY: 1"))
      let other = try await resolver.dig("\(options) exfiltrate.example.net TXT")
      #expect(other.contains("status: NXDOMAIN") && other.contains("SOA"))
      #expect(try await resolver.dig("\(options) api.example.com ANY").contains("RFC8482"))
    }
  }

  @Test("of Debian's dig hear the version only where the host is", .enabled(if: hasDig)) func version() async throws {
    try await TestResolver.with { resolver in
      let version = try await resolver.dig("+short version.server CH TXT", from: "127.0.0.1")
      #expect(version == "\"v1\"\n")
      #expect(try await resolver.dig("version.server CH TXT").contains("status: REFUSED"))
      #expect(try await resolver.dig("api.example.com", from: "127.0.0.9").contains("status: REFUSED"))
      #expect(try await resolver.dig("+edns=1 +noednsneg api.example.com").contains("status: BADVERS"))
      #expect(try await resolver.dig("+opcode=UPDATE api.example.com").contains("status: NOTIMP"))
      #expect(try await resolver.dig("+tcp axfr example.com").contains("Transfer failed"))
    }
  }

  @Test(
    "that use the C library get the address, by UDP and TCP, both types asked", .enabled(if: hasRoot),
    arguments: ["", "edns0", "use-vc", "single-request", "no-aaaa"]) func systemResolver(options: String) async throws
  {
    // The library knows port 53 alone, so this one listens there on an address that nobody else has.
    let address = "127.\((1...254).randomElement() ?? 1).\((1...254).randomElement() ?? 1).53"
    try await TestResolver.with(address: address, port: 53) { resolver in
      let settings = resolver.tableFile + ".resolv"
      try "nameserver \(address)\noptions attempts:1 timeout:2 \(options)\n".write(
        toFile: settings, atomically: true, encoding: .utf8)
      let script = "mount --bind \(settings) /etc/resolv.conf; getent ahosts $1; getent ahosts $2 || echo none"
      let found = try await Command(
        "unshare", ["-m", "sh", "-ec", script, "sh", "a.Example.org", "evil.example.net"]
      ).check(timeout: .seconds(20))
      let lines = found.split(separator: "\n")
      #expect(lines.last == "none")
      #expect(lines.dropLast().allSatisfy { $0.hasPrefix("10.64.255.253") } && lines.count > 1)
      let contents = try await resolver.drain()
      #expect(contents.outcomes[.answered] == 1)
      if options != "no-aaaa" { #expect(contents.outcomes[.empty] == 1) }
      #expect(contents.attempts.attempts.allSatisfy { $0.key.host == "evil.example.net" })
      #expect(!contents.attempts.attempts.isEmpty)
    }
  }

  @Test("are answered from where they asked, even before the address is there") func freeBind() async throws {
    try await TestResolver.with(address: "10.255.254.253") { resolver in
      #expect(resolver.server.port > 0)
    }
  }

  @Test("are reported once with a count when they ask the same, and malformed ones are") func reports() async throws {
    try await TestResolver.with { resolver in
      let agent = try TestSocket(SOCK_DGRAM, from: "127.0.0.2", to: resolver.server.port)
      for _ in 0..<20 {
        agent.send(query("Evil.example.net"))
        #expect(code(agent.receive()) == 3)
      }
      agent.send(query("api.example.com", type: 16))
      #expect(code(agent.receive()) == 0)
      agent.send(query("api.example.com") + [0])
      #expect(code(agent.receive()) == 1)
      agent.send([1, 2, 3])
      let contents = try await resolver.drain()
      #expect(
        contents.attempts.attempts.map {
          "\($0.key.rule) \($0.key.source) \($0.key.host) \($0.key.method ?? "-") \($0.count)"
        } == [
          "dns-refused-name 127.0.0.2 evil.example.net A 20", "dns-odd-type 127.0.0.2 api.example.com TXT 1",
          "dns-malformed 127.0.0.2  - 2",
        ])
      #expect(contents.outcomes == [.refusedName: 20, .oddType: 1, .malformed: 2])
      #expect(contents.attempts.untold.isEmpty)
      let age = Date().timeIntervalSince1970 - Double(contents.attempts.attempts[0].firstSeen) / 1e9
      #expect((0..<60).contains(age))
      #expect(try await resolver.drain() == ResolverServer.Contents())
    }
  }

  @Test("get the new table at once when the host asks for its version, and soon in any case") func reload() async throws
  {
    try await TestResolver.with { resolver in
      let agent = try TestSocket(SOCK_DGRAM, from: "127.0.0.2", to: resolver.server.port)
      let host = try TestSocket(SOCK_DGRAM, from: "127.0.0.1", to: resolver.server.port)
      var version = query("version.server", type: 16)
      version[version.count - 1] = 3
      func current() -> String {
        host.send(version)
        return String(decoding: (host.receive() ?? []).suffix(2), as: UTF8.self)
      }
      agent.send(query("new.example.net"))
      #expect(code(agent.receive()) == 3)
      for number in 2..<9 {
        try TestResolver.write(try TestResolver.table("v\(number)", more: ["new.example.net"]), to: resolver.tableFile)
        #expect(current() == "v\(number)")
        agent.send(query("new.example.net"))
        #expect(code(agent.receive()) == 0)
      }
      try TestResolver.write(try TestResolver.table("v9"), to: resolver.tableFile)
      try await Task.sleep(for: .milliseconds(500))
      agent.send(query("new.example.net"))
      #expect(code(agent.receive()) == 3)
    }
  }

  @Test("keep the last good table when the file is broken or gone, and it is said once") func brokenTable() async throws
  {
    try await TestResolver.with { resolver in
      let agent = try TestSocket(SOCK_DGRAM, from: "127.0.0.2", to: resolver.server.port)
      func isAnswered() -> Bool {
        agent.send(query("api.example.com"))
        return code(agent.receive()) == 0
      }
      func errors() -> [String] { resolver.log.messages.filter { $0.hasPrefix("error") } }
      #expect(isAnswered())
      try TestResolver.write(Array("{\"version\":".utf8), to: resolver.tableFile)
      try await Task.sleep(for: .milliseconds(700))
      #expect(isAnswered())
      #expect(errors().count == 1, "\(errors())")
      try FileManager.default.removeItem(atPath: resolver.tableFile)
      try await Task.sleep(for: .milliseconds(700))
      #expect(isAnswered())
      #expect(errors().count == 2 && errors()[1].contains("No such file"), "\(errors())")
      try FileManager.default.createDirectory(atPath: resolver.tableFile, withIntermediateDirectories: false)
      try await Task.sleep(for: .milliseconds(700))
      #expect(isAnswered())
      #expect(errors().count == 3, "\(errors())")
      try FileManager.default.removeItem(atPath: resolver.tableFile)
      try TestResolver.write(try TestResolver.table("v2", more: ["new.example.net"]), to: resolver.tableFile)
      try await Task.sleep(for: .milliseconds(700))
      agent.send(query("new.example.net"))
      #expect(code(agent.receive()) == 0)
    }
  }
}
