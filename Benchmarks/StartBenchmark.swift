import APIModel
import AgentModel
import ChildProcess
import Files
import Foundation
import Glibc

/// From the request to create an agent to the first line that its program writes, against `runsc run` of the same
/// program from the same root file system, with no platform round it. The two take turns.
enum StartBenchmark {
  private static let repetitions = 30
  private static let program = ["sh", "-c", "echo ready; exec sleep 3600"]

  static func run() async throws -> [Row] {
    try await BenchmarkPlatform.with { platform in
      let bare = try await BareRuntime(platform)
      var ours: [Double] = []
      var alone: [Double] = []
      var networked: [Double] = []
      // The first of each warms the caches and is not counted.
      for number in 0...repetitions {
        let times = (
          try await agent("a\(number)", platform), try await bare.run(network: false),
          try await bare.run(network: true)
        )
        guard number > 0 else { continue }
        ours.append(times.0)
        alone.append(times.1)
        networked.append(times.2)
      }
      return [
        .compare(
          "agent create to first line", Samples(ours), "runsc run, no network", Samples(alone),
          goal: "1.5 / 3 times runsc run"),
        .compare("agent create to first line", Samples(ours), "runsc run, network", Samples(networked)),
      ]
    }
  }

  private static func agent(_ name: String, _ platform: BenchmarkPlatform) async throws -> Double {
    let start = realTime()
    let agent = try await platform.create(name, command: program)
    let log = "\(platform.layout.agentsDirectory)/\(agent.metadata.uid)/log/log/agent.log"
    let time = try await firstLine(of: log) - start
    try await platform.wait(for: agent.id, .running)
    try await platform.delete(agent.id)
    return time * 1000
  }

  /// When the file got its first bytes, by the clock of the file system; the program writes one line and no more.
  static func firstLine(of file: String) async throws -> Double {
    let end = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < end {
      if let status = FileStatus(file), status.size > 0 {
        return Double(status.changed[0]) + Double(status.changed[1]) / 1e9
      }
      try await Task.sleep(for: .milliseconds(1))
    }
    throw BenchmarkFailure("no line in \(file) within 30 s")
  }

  static func realTime() -> Double { Date().timeIntervalSince1970 }

  /// gVisor as one would start it by hand.
  private struct BareRuntime {
    private let directory: String
    private let root: String
    private let image: String
    private let namespace: String
    /// See docs of the room Sandbox: newer kernels make older runtimes refuse a network.
    private let wrapper: [String]

    init(_ platform: BenchmarkPlatform) async throws {
      directory = "\((platform.layout.root as NSString).deletingLastPathComponent)/bare"
      root = "\(directory)/runsc"
      image = platform.image
      namespace = "\(platform.layout.instance)-bare"
      try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
      let isVisible = try await Command("unshare", ["--net", "test", "-e", "/proc/sys/net/core/rmem_default"]).run()
      let script = "mount -t tmpfs -o ro,size=4k none /proc/sys/net && exec \"$0\" \"$@\""
      wrapper =
        isVisible.status == .exited(0) ? ["unshare", "--mount", "--propagation", "private", "sh", "-c", script] : []
    }

    func run(network: Bool) async throws -> Double {
      if network { try await makeNetwork() }
      try bundle(network: network)
      let log = "\(directory)/output.log"
      unlink(log)
      let flags = ["--root=\(root)", "--platform=ptrace", "--network=\(network ? "sandbox" : "none")"]
      let command = (network ? wrapper : []) + ["/usr/bin/runsc"] + flags + ["run", "-bundle", directory, "bare"]
      let start = StartBenchmark.realTime()
      async let ended = Command(Command.locate(command[0]) ?? command[0], Array(command.dropFirst()))
        .run(appendingTo: log, timeout: .seconds(60))
      let time = try await StartBenchmark.firstLine(of: log) - start
      try await Command("runsc", ["--root=\(root)", "kill", "bare", "KILL"]).check()
      _ = try await ended
      _ = try await Command("runsc", ["--root=\(root)", "delete", "-force", "bare"]).run()
      if network { try await Command("ip", ["netns", "delete", namespace]).check() }
      return time * 1000
    }

    /// Not part of the time: whoever runs runsc by hand has a network already.
    private func makeNetwork() async throws {
      let host = "bare\(getpid())"
      try await Command("ip", ["netns", "add", namespace]).check()
      let lines = [
        "link add \(host) type veth peer name eth0 netns \(namespace)", "link set \(host) up",
      ]
      let inside = [
        "link set lo up", "addr add 198.18.250.2/30 dev eth0", "link set eth0 up", "route add default via 198.18.250.1",
      ]
      try await Command("ip", ["-batch", "-"]).check(input: Array((lines.joined(separator: "\n") + "\n").utf8))
      try await Command("ip", ["-n", namespace, "-batch", "-"]).check(
        input: Array((inside.joined(separator: "\n") + "\n").utf8))
    }

    private func bundle(network: Bool) throws {
      let space = network ? #","path":"/run/netns/\#(namespace)""# : ""
      let arguments = String(decoding: try JSONEncoder().encode(StartBenchmark.program), as: UTF8.self)
      let text = """
        {"ociVersion":"1.0.2","process":{"user":{"uid":10001,"gid":10001},"args":\(arguments),"env":["PATH=/bin"],
        "cwd":"/","noNewPrivileges":true},"root":{"path":"\(image)","readonly":true},"hostname":"bare",
        "mounts":[{"destination":"/proc","type":"proc","source":"proc"}],
        "linux":{"namespaces":[{"type":"pid"},{"type":"ipc"},{"type":"uts"},{"type":"mount"},
        {"type":"network"\(space)}]}}
        """
      try Data(text.utf8).write(to: URL(filePath: "\(directory)/config.json"))
    }
  }
}
