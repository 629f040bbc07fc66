import Detection
import Testing
import TraceWriting

@testable import GuestTrace

@Suite("The descriptors of a process")
struct DescriptorTests {
  private typealias Bench = GuestEventReaderTests.Bench

  private func call(
    _ kind: UInt16, _ number: UInt64, result: Int64? = 0, error: UInt64 = 0, process: UInt64 = 1,
    _ numbers: [Int64] = [], address: [UInt8]? = nil
  ) -> [UInt8] {
    MessageBuilder.make(kind, process: process) { message in
      if let result { message.exit(result, error: error) }
      message.number(3, number)
      for (index, number) in numbers.enumerated() { message.number(UInt64(4 + index), number) }
      if let address { message.bytes(6, address) }
    }
  }

  private func socket(_ descriptor: Int64, domain: Int64 = 2, type: Int64 = 1, proto: Int64 = 0, process: UInt64 = 1)
    -> [UInt8]
  {
    call(12, 41, result: descriptor, process: process, [domain, type, proto])
  }

  private func connect(_ descriptor: Int64, process: UInt64 = 1) -> [UInt8] {
    call(10, 42, result: nil, process: process, [descriptor], address: [2, 0, 0, 80, 1, 2, 3, 4])
  }

  @Test(
    "have the transport of the socket that they were made by",
    arguments: [
      (2, 1, 0, "tcp"), (10, 1, 6, "tcp"), (2, 2, 17, "udp"), (2, 2, 1, "icmp"), (10, 2, 58, "icmp"),
      (2, 3, 255, "raw"),
      // SOCK_NONBLOCK and SOCK_CLOEXEC are no part of the type.
      (2, 0o2004001, 0, "tcp"), (2, 0o2000002, 0, "udp"), (1, 1, 0, "<NA>"), (16, 3, 0, "<NA>"), (2, 5, 0, "<NA>"),
    ] as [(Int64, Int64, Int64, String)])
  func transport(domain: Int64, type: Int64, proto: Int64, expected: String) throws {
    let bench = try Bench("%fd.l4proto")
    _ = bench.take(GuestEventReaderTests.start())
    _ = bench.take(socket(5, domain: domain, type: type, proto: proto))
    #expect(bench.output(connect(5)) == expected)
    #expect(bench.output(connect(6)) == "<NA>")
  }

  @Test("lead nowhere once they are taken back from an address, and are what they are") func dissolved() throws {
    let bench = try Bench("%fd.typechar %fd.l4proto %fd.sip %fd.sport")
    _ = bench.take(GuestEventReaderTests.start())
    _ = bench.take(socket(5, type: 2))
    #expect(bench.output(connect(5)) == "4 udp 1.2.3.4 80")
    // AF_UNSPEC, with what the C library leaves behind it.
    let unspecified = call(
      10, 42, result: nil, [5], address: [0, 0, 0, 80, 1, 2, 3, 4] + [UInt8](repeating: 0, count: 8))
    #expect(bench.output(unspecified) == "4 udp <NA> <NA>")
  }

  @Test("are forgotten when they are closed, and not when that failed") func closed() throws {
    let bench = try Bench("%fd.l4proto %fd.num")
    _ = bench.take(GuestEventReaderTests.start())
    _ = bench.take(socket(5))
    _ = bench.take(call(8, 3, result: 0, error: 9, [5]))
    #expect(bench.output(connect(5)) == "tcp 5")
    _ = bench.take(call(8, 3, [5]))
    #expect(bench.output(connect(5)) == "<NA> 5")
  }

  @Test("are copied by dup") func copied() throws {
    let bench = try Bench("%evt.type %fd.l4proto %fd.num")
    _ = bench.take(GuestEventReaderTests.start())
    _ = bench.take(socket(5, type: 2))
    #expect(bench.output(call(19, 32, result: 9, [5])) == "dup udp 9")
    #expect(bench.output(call(19, 33, result: 1, [5, 1])) == "dup2 udp 1")
    #expect(bench.output(call(19, 33, result: 0, error: 9, [77, 2])) == "dup2 <NA> <NA>")
    #expect(bench.output(connect(9)) == "connect udp 9")
    #expect(bench.output(connect(1)) == "connect udp 1")
  }

  @Test("are those of the parent at the time of the fork") func forked() throws {
    let bench = try Bench("%fd.l4proto")
    _ = bench.take(GuestEventReaderTests.start())
    _ = bench.take(socket(5))
    _ = bench.take(GuestEventReaderTests.clone(2, of: 1))
    _ = bench.take(socket(6))
    #expect(bench.output(connect(5, process: 2)) == "tcp")
    #expect(bench.output(connect(6, process: 2)) == "<NA>")
    #expect(bench.output(connect(6)) == "tcp")
  }

  @Test("of a connection that was accepted have the client's address") func accepted() throws {
    let bench = try Bench("%evt.type %fd.cip %fd.cport %fd.sip %fd.rip %fd.is_server %fd.num %fd.l4proto")
    _ = bench.take(GuestEventReaderTests.start())
    _ = bench.take(socket(5))
    let accept = call(25, 43, result: 7, [5], address: [2, 0, 0x9c, 0x40, 9, 8, 7, 6])
    #expect(bench.output(accept) == "accept 9.8.7.6 40000 <NA> 9.8.7.6 true 7 tcp")
    #expect(bench.output(connect(7)) == "connect <NA> <NA> 1.2.3.4 1.2.3.4 false 7 tcp")
    let bind = call(24, 49, result: nil, [5], address: [2, 0, 0x1f, 0x90, 0, 0, 0, 0])
    #expect(bench.output(bind) == "bind <NA> <NA> 0.0.0.0 <NA> true 5 tcp")
  }

  @Test("of files take the place of sockets") func files() throws {
    let bench = try Bench("%fd.l4proto %fd.type")
    _ = bench.take(GuestEventReaderTests.start())
    _ = bench.take(socket(5))
    let open = MessageBuilder.make(7) { message in
      message.exit(5)
      message.number(3, UInt64(2))
      message.text(6, "/etc/hosts")
    }
    #expect(bench.output(open)?.hasSuffix(" file") == true)
    #expect(bench.output(connect(5)) == "<NA> ipv4")
  }
}
