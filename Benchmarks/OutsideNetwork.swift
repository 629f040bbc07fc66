import ChildProcess
import Foundation
import Glibc

/// A piece of Internet in a network namespace of its own: a name server that knows every name, and at the address that
/// it tells, port 443 answers whatever is sent with one word.
struct OutsideNetwork: Sendable {
  static let word = "open"

  /// A public address that no policy closes; nothing but this machine ever has a route to it here.
  let address: String
  private let namespace = "lobstack-bench-\(getpid())"
  private let program: BackgroundProgram

  static func with<Value>(_ body: (OutsideNetwork) async throws -> Value) async throws -> Value {
    let directory = try ScratchDirectory()
    defer { directory.remove() }
    let network = OutsideNetwork(directory)
    do {
      try await network.start()
      let value = try await body(network)
      await network.remove()
      return value
    } catch {
      await network.remove()
      throw error
    }
  }

  private init(_ directory: ScratchDirectory) {
    address = "11.\(Int.random(in: 1..<255)).\(Int.random(in: 1..<255)).2"
    program = BackgroundProgram(
      "outside", in: directory.path, "ip",
      ["netns", "exec", namespace, "python3", "-c", Self.script, address, "53", address])
  }

  private func start() async throws {
    let host = "lbo\(String(getpid(), radix: 16))"
    try await Command("ip", ["netns", "add", namespace]).check()
    let here = [
      "link add \(host) type veth peer name eth0 netns \(namespace)", "addr add \(address.dropLast())1/30 dev \(host)",
      "link set \(host) up",
    ]
    let there = ["link set lo up", "addr add \(address)/30 dev eth0", "link set eth0 up"]
    try await Command("ip", ["-batch", "-"]).check(input: Array((here.joined(separator: "\n") + "\n").utf8))
    try await Command("ip", ["-n", namespace, "-batch", "-"]).check(
      input: Array((there.joined(separator: "\n") + "\n").utf8))
    await program.start()
    try await eventually("the outside answers", log: program.log) {
      try await Command("busybox", ["nc", "-w", "1", address, "443"]).check(input: [10]).hasPrefix(Self.word)
    }
  }

  private func remove() async {
    await program.stop()
    // With the namespace goes the pair of interfaces; what stays behind is the namespace's name.
    _ = try? await Command("ip", ["netns", "delete", namespace]).run()
  }

  private static let script = """
    from socket import create_server
    from sys import argv
    from threading import Thread
    def answer(c):
        try:
            c.recv(4096); c.sendall(b"\(word)\\n")
        except OSError: pass
        finally: c.close()
    def serve():
        s = create_server((argv[1], 443))
        while True: Thread(target=answer, args=(s.accept()[0],), daemon=True).start()
    Thread(target=serve, daemon=True).start()

    """ + NameServer.script
}
