import Detection
import SeededRandom
import Testing
import TraceWriting

@testable import GuestTrace

@Suite("Messages of a sandbox")
struct GuestEventReaderTests {
  /// A reader with one rule for each event, whose output shows the fields that are asked for.
  final class Bench {
    let reader = GuestEventReader(hostName: "host")
    let sandbox = SandboxEvents(
      SandboxIdentity(
        container: "default.a1", agent: "bot", tenant: "acme", uid: "a1", tier: "starter", image: "oci:/images/bot:1.4",
        start: 1_000))
    private let matcher: Matcher

    init(_ output: String) throws {
      var loader = RuleLoader()
      let result = loader.load(
        """
        - {rule: any, desc: d, priority: INFO, warn_evttypes: false, condition: evt.num > 0, output: "\(output)"}
        """, file: "rules.yaml")
      #expect(result.errors.map(\.message) == [])
      let rules = loader.compiled()
      reader.bind(to: rules)
      matcher = Matcher(rules, source: reader)
    }

    func take(_ message: [UInt8]) -> GuestEventReader.Outcome {
      message.withUnsafeBytes { reader.take($0, from: sandbox) }
    }

    /// The output for a message; `nil` when it makes no event.
    func output(_ message: [UInt8]) -> String? {
      message.withUnsafeBytes { bytes in
        guard reader.take(bytes, from: sandbox) == .event, matcher.match() else { return nil }
        return matcher.output(of: 0).text
      }
    }
  }

  /// Good messages of several kinds, to be made bad.
  static let seeds: [[UInt8]] = [
    start(), clone(2, of: 1), exec(2, "/bin/bash", ["bash", "-c", "id"]),
    MessageBuilder.make(7) { message in
      message.exit(3)
      message.number(3, UInt64(257))
      message.number(4, Int64(-100))
      message.text(6, "a/../b")
    },
    MessageBuilder.make(10) { message in
      message.number(3, UInt64(42))
      message.bytes(6, [2, 0, 1, 187, 1, 2, 3, 4])
    },
  ]

  static func start(_ arguments: [String] = ["/usr/bin/agent", "--serve"]) -> [UInt8] {
    MessageBuilder.make(1) { message in
      message.text(2, "default.a1")
      message.text(3, "/workspace")
      for argument in arguments { message.text(4, argument) }
      message.text(5, "HOME=/workspace")
    }
  }

  static func clone(_ child: UInt64, of parent: UInt64, name: String = "agent") -> [UInt8] {
    MessageBuilder.make(2, process: parent, name: name) { message in
      message.number(3, child)
      message.number(4, child)
      message.number(5, UInt64(1_000))
    }
  }

  static func exec(_ process: UInt64, _ binary: String, _ arguments: [String], mode: UInt64 = 0o100755) -> [UInt8] {
    MessageBuilder.make(3, process: process) { message in
      message.text(2, binary)
      for argument in arguments { message.text(3, argument) }
      message.text(4, "LD_PRELOAD=/tmp/x.so")
      message.number(5, mode)
    }
  }

  @Test("tell of the first program, and of programs with their ancestors")
  func processes() throws {
    let bench = try Bench(
      "%evt.type %proc.name %proc.exepath %proc.cmdline|%proc.pname|%proc.aname[2]|%proc.env[LD_PRELOAD]|%proc.pid")
    #expect(bench.output(Self.start()) == "execve agent /usr/bin/agent agent --serve|<NA>|<NA>||1")
    _ = bench.take(Self.clone(2, of: 1))
    #expect(
      bench.output(Self.exec(2, "/bin/bash", ["bash", "-c", "id"]))
        == "execve bash /bin/bash bash -c id|agent|<NA>|/tmp/x.so|2")
    _ = bench.take(Self.clone(3, of: 2, name: "bash"))
    #expect(
      bench.output(Self.exec(3, "/bin/busybox", ["cat", "/etc/passwd"]))
        == "execve cat /bin/busybox cat /etc/passwd|bash|agent|/tmp/x.so|3")
    // The name in its arguments does not hide a program.
    _ = bench.take(Self.clone(4, of: 2, name: "bash"))
    #expect(bench.output(Self.exec(4, "/tmp/xmrig", ["harmless"]))?.hasPrefix("execve xmrig /tmp/xmrig") == true)
    #expect(bench.sandbox.processCount == 4)
    _ = bench.take(MessageBuilder.make(5, process: 4, name: "xmrig") { $0.number(2, UInt64(256)) })
    #expect(bench.sandbox.processCount == 3)
  }

  @Test("tell of a program that could not be started as of what was tried")
  func failedExec() throws {
    let bench = try Bench("%evt.type %evt.res %proc.name %proc.exepath %proc.cmdline %proc.pname")
    _ = bench.take(Self.start())
    let message = MessageBuilder.make(11) { message in
      message.exit(0, error: 2)
      message.number(3, UInt64(59))
      message.text(6, "../usr/bin/sudo")
      for argument in ["sudo", "-i"] { message.text(7, argument) }
    }
    #expect(bench.output(message) == "execve ENOENT sudo /usr/bin/sudo sudo -i agent")
    let started = MessageBuilder.make(11) { message in
      message.exit()
      message.number(3, UInt64(59))
      message.text(6, "/bin/ls")
    }
    #expect(bench.take(started) == .nothing)
  }

  @Test(
    "tell of files by their whole path",
    arguments: [
      ("/etc/shadow", Int64(-100), "", "/etc/shadow"), ("../etc/./shadow", -100, "", "/etc/shadow"),
      ("shadow", 5, "/etc", "/etc/shadow"), ("../../../..//x", -100, "", "/x"), ("a", -100, "", "/workspace/a"),
      ("", -100, "", "/workspace"),
    ])
  func files(path: String, directory: Int64, directoryPath: String, whole: String) throws {
    let bench = try Bench(
      "%evt.type %fd.name|%fd.nameraw|%fd.num|%evt.res|%evt.is_open_read|%evt.is_open_write|%fd.typechar")
    _ = bench.take(Self.start())
    let message = MessageBuilder.make(7) { message in
      message.exit(0, error: 13)
      message.number(3, UInt64(257))
      message.number(4, directory)
      if !directoryPath.isEmpty { message.text(5, directoryPath) }
      message.text(6, path)
      message.number(7, UInt64(0o2000000))
    }
    #expect(bench.output(message) == "openat \(whole)|\(path)|-1|EACCES|true|false|f")
  }

  @Test(
    "tell of addresses",
    arguments: [
      ([2, 0, 0x0d, 5, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], "4 10.0.0.1 3333 10.0.0.1:3333 tcp"),
      (
        [10, 0, 1, 187, 0, 0, 0, 0] + [0x20, 1, 0xd, 0xb8] + [UInt8](repeating: 0, count: 11) + [1, 0, 0, 0, 0],
        "6 2001:db8::1 443 2001:db8::1:443 tcp"
      ),
      (
        [10, 0, 1, 187, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 10) + [0xff, 0xff, 169, 254, 169, 254, 0, 0, 0, 0],
        "4 169.254.169.254 443 169.254.169.254:443 tcp"
      ),
      (Array("\u{1}\u{0}/run/x.sock\u{0}".utf8), "u <NA> <NA> /run/x.sock tcp"),
      ([2], "4 <NA> <NA>  tcp"), ([99, 0, 1], "o <NA> <NA> family 99 tcp"),
    ] as [([UInt8], String)])
  func addresses(address: [UInt8], text: String) throws {
    let bench = try Bench("%fd.typechar %fd.sip %fd.sport %fd.name %fd.l4proto")
    _ = bench.take(Self.start())
    _ = bench.take(
      MessageBuilder.make(12) { message in
        message.exit(7)
        message.number(3, UInt64(41))
        message.number(4, UInt64(2))
        message.number(5, UInt64(1))
      })
    let message = MessageBuilder.make(10) { message in
      message.number(3, UInt64(42))
      message.number(4, UInt64(7))
      message.bytes(6, address)
    }
    let output = try #require(bench.output(message))
    #expect(output == text.replacing("o <NA>", with: "4 <NA>") || output == text)
  }

  @Test("tell of the user before a change of ids")
  func identities() throws {
    let bench = try Bench("%evt.type %evt.arg.uid %user.uid %evt.res")
    _ = bench.take(Self.start())
    let message = MessageBuilder.make(14, user: 0) { message in
      message.exit()
      message.number(3, UInt64(105))
    }
    #expect(bench.output(message) == "setuid root 10001 SUCCESS")
    #expect(bench.output(message) == "setuid root 0 SUCCESS")
  }

  @Test("tell of a process that was not seen before what they say of it, with its first event")
  func unseen() throws {
    let bench = try Bench("%evt.type %user.uid %group.gid %proc.cwd %proc.name %fd.name")
    let setuid = MessageBuilder.make(14, process: 7, name: "su", cwd: "/srv", user: 1_000) { message in
      message.exit()
      message.number(3, UInt64(105))
    }
    #expect(bench.output(setuid) == "setuid 1000 1000 /srv su <NA>")
    func open(_ process: UInt64, cwd: String) -> [UInt8] {
      MessageBuilder.make(7, process: process, thread: 99, name: "worker", cwd: cwd, user: 5) { message in
        message.exit(3)
        message.number(3, UInt64(257))
        message.number(4, Int64(-100))
        message.text(6, "x")
      }
    }
    #expect(bench.output(open(8, cwd: "/srv/a")) == "openat 5 5 /srv/a worker /srv/a/x")
    // What was missed of a process that is known is made up for likewise.
    #expect(bench.output(open(7, cwd: "/tmp")) == "openat 5 5 /tmp su /tmp/x")
  }

  @Test("tell of a program of an operator who it was before a change of ids, also with its first event")
  func unseenCommand() throws {
    let bench = try Bench("%evt.type %user.uid %group.gid %proc.cwd %proc.name %proc.pname")
    #expect(
      bench.reader.takeCommand(["/bin/su", "-"], time: 1_795_756_868_000_000_000, in: bench.sandbox) == .event)
    let setuid = MessageBuilder.make(14, process: 7, name: "su", cwd: "/srv", user: 0) { message in
      message.exit()
      message.number(3, UInt64(105))
    }
    #expect(bench.output(setuid) == "setuid 10001 10001 /srv su lobstack")
  }

  @Test("tell of calls without a form of their own")
  func numberedCalls() throws {
    let bench = try Bench("%evt.type %evt.args")
    _ = bench.take(Self.start())
    func raw(_ number: UInt64, _ first: UInt64) -> [UInt8] {
      MessageBuilder.make(6) { message in
        message.number(4, number)
        message.number(5, first)
      }
    }
    #expect(bench.output(raw(101, 16)) == "ptrace request=PTRACE_ATTACH pid=0")
    #expect(bench.output(raw(272, 0x1000_0000)) == "unshare flags=CLONE_NEWUSER")
    #expect(bench.output(raw(165, 0)) == "mount flags=0")
    #expect(bench.output(raw(999_999, 0)) == nil)
  }

  @Test("tell of the agent")
  func identity() throws {
    let bench = try Bench(
      "%container.id %container.image.repository %container.image.tag %k8s.ns.name %agent.name %agent.tier")
    #expect(bench.output(Self.start()) == "default.a1 oci:/images/bot 1.4 acme bot starter")
  }

  @Test("of another sandbox are not believed")
  func foreign() throws {
    let bench = try Bench("%evt.type")
    #expect(bench.take(MessageBuilder.make(7, container: "default.b2") { $0.number(3, UInt64(257)) }) == .foreign)
  }

  @Test("of a kind that is not known are passed over, with what was lost before them")
  func unknown() throws {
    let bench = try Bench("%evt.type")
    #expect(bench.take(MessageBuilder.make(500, dropped: 12) { $0.number(3, UInt64(1)) }) == .nothing)
    #expect(bench.sandbox.dropped == 12)
  }

  @Test("that are not as they should be are counted, and change nothing")
  func malformed() throws {
    let bench = try Bench("%evt.type")
    let good = Self.start()
    for length in 0..<8 { #expect(bench.take(Array(good.prefix(length))) == .malformed) }
    #expect(bench.take([255, 255] + good.dropFirst(2)) == .malformed)
    #expect(bench.take(Array(good.dropLast())) == .malformed)
    // A length past the end.
    #expect(bench.take([8, 0, 7, 0, 0, 0, 0, 0, 0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f]) == .malformed)
    // A variable without an end.
    #expect(bench.take([8, 0, 7, 0, 0, 0, 0, 0] + [UInt8](repeating: 0xff, count: 20)) == .malformed)
    #expect(bench.sandbox.processCount == 0)
  }

  @Test("may hold long words and bytes that are no text")
  func hostileWords() throws {
    let bench = try Bench("%proc.name %proc.cmdnargs %proc.cmdline")
    let long = String(repeating: "x", count: 200_000)
    let output = try #require(bench.output(Self.start(["/bin/sh", long, "end"])))
    #expect(output.utf8.count < 70_000)
    #expect(output.hasPrefix("agent 2 agent xxx"))
    let message = MessageBuilder.make(3) { message in
      message.bytes(2, [0x2f, 0xff, 0xfe])
      message.bytes(3, [0xc3, 0x28])
    }
    #expect(bench.output(message) != nil)
  }

  @Test("may be anything: nothing breaks, and the table of processes stays bounded")
  func fuzz() throws {
    let bench = try Bench("%evt.args %fd.name %proc.cmdline %proc.acmdline %fd.sip %evt.time %proc.aname")
    var random = SplitMix64(seed: 42)
    let seeds = Self.seeds
    for round in 0..<20_000 {
      var message = seeds[round % seeds.count]
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<message.count, using: &random)
        switch UInt8.random(in: 0...3, using: &random) {
        case 0: message[place] = UInt8.random(in: 0...255, using: &random)
        case 1: message.removeSubrange(place...)
        case 2: message.insert(UInt8.random(in: 0...255, using: &random), at: place)
        default: message[min(2, message.count - 1)] = UInt8.random(in: 0...40, using: &random)
        }
        if message.isEmpty { message = [0] }
      }
      _ = bench.output(message)
    }
    for process in 0..<20_000 { _ = bench.take(Self.clone(UInt64(process + 10), of: UInt64(process + 9))) }
    #expect(bench.sandbox.processCount <= 8_192)
    #expect(bench.sandbox.hasOverflowed)
  }
}
