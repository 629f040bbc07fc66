import Detection
import Testing
import TraceWriting

@testable import GuestTrace

@Suite("The fields of a sandbox's events")
struct EventFieldTests {
  private typealias Bench = GuestEventReaderTests.Bench

  private func open(
    _ path: String, flags: UInt64, mode: UInt64 = 0, result: Int64 = 3, error: UInt64 = 0, number: UInt64 = 257
  ) -> [UInt8] {
    MessageBuilder.make(7) { message in
      message.exit(error == 0 ? result : 0, error: error)
      message.number(3, number)
      message.number(4, Int64(-100))
      message.text(6, path)
      if flags != 0 { message.number(7, flags) }
      if mode != 0 { message.number(8, mode) }
    }
  }

  @Test(
    "tell what a file is opened for",
    arguments: [
      (0, 0, 0, "true false false false"), (0o1, 0, 0, "false true false false"), (0o2, 0, 0, "true true false false"),
      (0o101, 0o644, 0, "false true true false"), (0o101, 0o755, 0, "false true true true"),
      (0o101, 0o755, 13, "false true false true"),
    ] as [(UInt64, UInt64, UInt64, String)])
  func opened(flags: UInt64, mode: UInt64, error: UInt64, expected: String) throws {
    let bench = try Bench("%evt.is_open_read %evt.is_open_write %evt.is_open_create %evt.is_open_exec")
    #expect(bench.output(open("/a", flags: flags, mode: mode, error: error)) == expected)
  }

  @Test("say of other calls that they open nothing") func others() throws {
    let bench = try Bench("%evt.is_open_read %evt.is_open_write %fd.name %fd.nameraw %evt.arg.flags")
    let setuid = MessageBuilder.make(14) { message in
      message.exit()
      message.number(3, UInt64(105))
      message.number(4, UInt64(5))
    }
    #expect(bench.output(setuid) == "false false <NA> <NA> <NA>")
  }

  @Test("have a file's directory and name") func paths() throws {
    let bench = try Bench("%fd.name|%fd.directory|%fd.filename|%fd.nameraw|%fd.num|%evt.arg.name")
    #expect(bench.output(open("/etc/ssh/key", flags: 0)) == "/etc/ssh/key|/etc/ssh|key|/etc/ssh/key|3|/etc/ssh/key")
    #expect(bench.output(open("../x", flags: 0)) == "/x|/|x|../x|3|../x")
    #expect(bench.output(open("/", flags: 0)) == "/|/||/|3|/")
    #expect(bench.output(open("a/./b/", flags: 0)) == "/workspace/a/b|/workspace/a|b|a/./b/|3|a/./b/")
  }

  @Test("have results by name and by number") func results() throws {
    let bench = try Bench("%evt.res %evt.rawres %evt.failed")
    #expect(bench.output(open("/a", flags: 0, result: 4)) == "SUCCESS 4 false")
    #expect(bench.output(open("/a", flags: 0, error: 2)) == "ENOENT -2 true")
    #expect(bench.output(open("/a", flags: 0, error: 40)) == "ELOOP -40 true")
    #expect(bench.output(open("/a", flags: 0, error: 4_000)) == "-4000 -4000 true")
    let unfinished = MessageBuilder.make(6) { message in
      message.number(4, UInt64(101))
      message.number(5, UInt64(16))
    }
    #expect(bench.output(unfinished) == "<NA> <NA> <NA>")
  }

  @Test("have the time in the forms that Falco prints") func times() throws {
    let bench = try Bench(
      "%evt.time|%evt.time.s|%evt.time.iso8601|%evt.datetime|%evt.datetime.s|%evt.rawtime|%evt.rawtime.s"
        + "|%evt.rawtime.ns")
    // 1795756868.183186738
    #expect(
      bench.output(open("/a", flags: 0))
        == "05:21:08.183186738|05:21:08|2026-11-27T05:21:08.183186738+0000|2026-11-27 05:21:08.183186738"
        + "|2026-11-27 05:21:08|1795756868183186738|1795756868|183186738")
  }

  @Test("have a time whatever the sandbox says", arguments: [0, 1, 1_795_756_868_183_186_738, .max] as [UInt64])
  func anyTime(time: UInt64) throws {
    let bench = try Bench("%evt.time.iso8601 %proc.duration %container.duration")
    var context = MessageBuilder()
    context.number(1, time)
    context.number(4, UInt64(1))
    var payload = MessageBuilder()
    payload.bytes(1, context.payload)
    payload.number(3, UInt64(257))
    #expect(bench.output([8, 0, 7, 0, 0, 0, 0, 0] + payload.payload) != nil)
  }

  @Test("number the events that are told") func numbers() throws {
    let bench = try Bench("%evt.num")
    #expect(bench.output(GuestEventReaderTests.start()) == "1")
    _ = bench.take(MessageBuilder.make(500) { _ in })
    #expect(bench.output(open("/a", flags: 0)) == "2")
  }

  @Test("have arguments by name and by place") func arguments() throws {
    let bench = try Bench("%evt.arg[0]|%evt.arg[1]|%evt.arg[9]|%evt.arg.flags|%evt.arg.mode|%evt.args")
    #expect(
      bench.output(open("/a b", flags: 0o101, mode: 0o644))
        == "3|/a b|<NA>|O_WRONLY|O_CREAT|0644|fd=3 name=/a b flags=O_WRONLY|O_CREAT mode=0644")
  }

  @Test("have words of a command, and not more than there are") func commands() throws {
    let bench = try Bench(
      "%proc.name|%proc.exe|%proc.args|%proc.args[1]|%proc.args[2]|%proc.cmdnargs|%proc.cmdlenargs|%proc.exeline")
    #expect(
      bench.output(GuestEventReaderTests.exec(1, "/bin/ls", ["ls", "-l", "/a b"]))
        == "ls|ls|-l /a b|/a b||2|6|ls -l /a b")
    #expect(bench.output(GuestEventReaderTests.exec(1, "/bin/ls", [])) == "ls|/bin/ls||||0|0|/bin/ls")
  }

  @Test("have a variable without the blanks around it, and the empty text for one that is not set")
  func environment() throws {
    let bench = try Bench("%proc.env[A]|%proc.env[B]|%proc.env[C]|%proc.env[D]|%proc.env[1]|%proc.env")
    let message = MessageBuilder.make(3) { message in
      message.text(2, "/bin/x")
      for entry in ["A=  b c  ", "B=", "B=2", "C=   ", "DD=x"] { message.text(4, entry) }
    }
    let all = "A=  b c   B= B=2 C=    DD=x"
    #expect(bench.output(message) == "b c|2|||\(all)|\(all)")
  }

  @Test("have ancestors one by one, and all with blanks between") func ancestors() throws {
    let bench = try Bench("%proc.aname|%proc.aexepath|%proc.acmdline|%proc.apid|%proc.aname[1]|%proc.apid[1]")
    #expect(bench.output(GuestEventReaderTests.start()) == "<NA>|<NA>|<NA>|1|<NA>|<NA>")
    _ = bench.take(GuestEventReaderTests.clone(2, of: 1))
    _ = bench.take(GuestEventReaderTests.exec(2, "/bin/bash", ["bash", "-c", "id"]))
    _ = bench.take(GuestEventReaderTests.clone(3, of: 2, name: "bash"))
    #expect(
      bench.output(GuestEventReaderTests.exec(3, "/bin/busybox", ["id"]))
        == "bash agent|/bin/bash /usr/bin/agent|bash -c id agent --serve|3|bash|2")
  }

  @Test(
    "have results as arguments: a number, or the name of an error",
    arguments: [
      (0, 0, "0 0 SUCCESS res=0 uid=root"), (7, 0, "7 7 SUCCESS res=7 uid=root"),
      (0, 1, "EPERM EPERM EPERM res=-1(EPERM) uid=root"), (0, 4_000, "-4000 -4000 -4000 res=-4000 uid=root"),
    ] as [(Int64, UInt64, String)])
  func resultArguments(result: Int64, error: UInt64, expected: String) throws {
    let bench = try Bench("%evt.arg.res %evt.arg[0] %evt.res %evt.args")
    let setuid = MessageBuilder.make(14) { message in
      message.exit(result, error: error)
      message.number(3, UInt64(105))
    }
    #expect(bench.output(setuid) == expected)
  }

  @Test(
    "have a category, for calls that are told by number too",
    arguments: [
      (62, "kill signal"), (82, "rename file"), (101, "ptrace process"), (113, "setreuid user"),
      (126, "capset process"), (133, "mknod other"), (155, "pivot_root other"), (165, "mount file"),
      (169, "reboot other"), (250, "keyctl other"), (263, "unlinkat file"), (272, "unshare process"),
      (308, "setns process"), (310, "process_vm_readv IPC"), (313, "finit_module other"), (319, "memfd_create memory"),
      (321, "bpf other"), (323, "userfaultfd file"), (425, "io_uring_setup unknown"), (438, "pidfd_getfd process"),
    ] as [(UInt64, String)])
  func category(number: UInt64, expected: String) throws {
    let bench = try Bench("%evt.type %evt.category")
    #expect(bench.output(MessageBuilder.make(6) { $0.number(4, number) }) == expected)
  }

  @Test("have the category of their descriptor where a call has none itself") func descriptorCategory() throws {
    let bench = try Bench("%evt.type %evt.category")
    func call(_ kind: UInt16, _ number: UInt64, _ result: Int64, _ numbers: [Int64]) -> [UInt8] {
      MessageBuilder.make(kind) { message in
        message.exit(result)
        message.number(3, number)
        for (index, number) in numbers.enumerated() { message.number(UInt64(4 + index), number) }
      }
    }
    #expect(bench.output(GuestEventReaderTests.start()) == "execve process")
    #expect(bench.output(GuestEventReaderTests.clone(2, of: 1)) == "clone process")
    #expect(bench.output(call(12, 41, 5, [2, 1, 0])) == "socket net")
    #expect(bench.output(call(12, 41, 6, [1, 1, 0])) == "socket net")
    #expect(bench.output(call(12, 41, 7, [16, 3, 0])) == "socket net")
    #expect(bench.output(call(19, 32, 10, [5])) == "dup net")
    #expect(bench.output(call(19, 33, 11, [6, 11])) == "dup2 ipc")
    #expect(bench.output(call(19, 292, 12, [7, 12])) == "dup3 unknown")
    #expect(bench.output(call(19, 32, 13, [99])) == "dup unknown")
    #expect(bench.output(call(14, 105, 0, [5])) == "setuid user")
    #expect(bench.output(call(13, 80, 0, [])) == "chdir file")
    #expect(bench.output(open("/a", flags: 0)) == "openat file")
    #expect(bench.output(MessageBuilder.make(5, process: 2) { $0.number(2, UInt64(0)) }) == "procexit process")
  }

  @Test(
    "tell of programs that lie where the agent writes",
    arguments: [
      ("/usr/bin/ls", "false false"), ("/workspace/x", "true false"), ("/tmp/x", "true false"),
      ("/dev/shm/x", "true false"), ("/tmpx", "false false"), ("/memfd:x (deleted)", "true true"),
      ("memfd:x", "true true"),
    ])
  func writable(path: String, expected: String) throws {
    let bench = try Bench("%proc.is_exe_upper_layer %proc.is_exe_from_memfd")
    #expect(bench.output(GuestEventReaderTests.exec(1, path, ["x"])) == expected)
  }

  @Test("tell who an event is of") func users() throws {
    let bench = try Bench(
      "%user.uid %user.name %group.gid %user.loginuid %proc.pid %thread.tid %thread.ismain %proc.ppid")
    #expect(bench.output(open("/a", flags: 0)) == "10001 10001 10001 -1 1 1 true <NA>")
    let thread = MessageBuilder.make(7, process: 1, thread: 9, user: 0) { message in
      message.exit(3)
      message.number(3, UInt64(257))
      message.number(4, Int64(-100))
      message.text(6, "/a")
    }
    #expect(bench.output(thread) == "0 root 0 -1 1 9 false <NA>")
  }

  @Test("are of a program that an operator starts, of which the trace says nothing") func command() throws {
    let bench = try Bench("o")
    #expect(bench.reader.takeCommand([], time: 1, in: bench.sandbox) == .nothing)
    #expect(bench.reader.takeCommand(["/bin/sh", "-c", "id"], time: 1, in: bench.sandbox) == .event)
    #expect(bench.reader.eventType.description == "execve")
    #expect(bench.reader.event.process.name == Array("sh".utf8))
    #expect(bench.reader.event.process.parent?.name == Array("lobstack".utf8))
  }

  @Test(
    "tell an image's repository and tag apart",
    arguments: [
      ("oci:/srv/images/bot:1.4", "oci:/srv/images/bot", "1.4"), ("bot", "bot", ""), ("bot:latest", "bot", "latest"),
      ("oci:/srv/images/bot", "oci:/srv/images/bot", ""), ("host:5000/bot", "host:5000/bot", ""),
      ("host:5000/bot:2", "host:5000/bot", "2"), ("", "", ""),
    ])
  func image(image: String, repository: String, tag: String) {
    let identity = SandboxIdentity(
      container: "default.a1", agent: "bot", tenant: "acme", uid: "a1", tier: "starter", image: image, start: 1)
    #expect(identity.imageRepository == repository)
    #expect(identity.imageTag == tag)
  }
}
