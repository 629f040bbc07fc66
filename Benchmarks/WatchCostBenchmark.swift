import APIClient
import APIModel
import AgentModel
import ChildProcess
import Foundation
import Glibc

/// What it costs a sandbox to be watched: the same program in the same sandbox, with its trace session and without.
enum WatchCostBenchmark {
  /// Does three kinds of work in turns, each for so long, and prints how often it did it per second.
  private static let workload = #"""
    # What programs do all day.
    for module in 'os time subprocess json hashlib'.split(): globals()[module] = __import__(module)
    def opens():
        os.close(os.open("/bin/busybox", os.O_RDONLY))
    def execs():
        subprocess.run(["/bin/busybox", "true"])
    def python():
        data = json.dumps([{"n": i, "h": hashlib.sha256(str(i).encode()).hexdigest()} for i in range(2000)])
        with open("/workspace/data.json", "w") as f: f.write(data)
        with open("/workspace/data.json") as f: json.load(f)
    while True:
        for name, work in (("open", opens), ("exec", execs), ("python", python)):
            begin, n = time.perf_counter(), 0
            while time.perf_counter() - begin < 0.5:
                work(); n += 1
            print(name, n / (time.perf_counter() - begin), flush=True)
    """#

  static func run() async throws -> [Row] { try await BenchmarkPlatform.with { try await measure($0) } }

  private static func measure(_ platform: BenchmarkPlatform) async throws -> [Row] {
    let image = "oci:/var/cache/lobstack/images/example-agent:1.0"
    guard FileManager.default.fileExists(atPath: "/var/cache/lobstack/images/example-agent") else {
      return [Row(what: "work in a watched sandbox", figure: "not measured: examples/build-image was not run")]
    }
    let agent = try await platform.create("worker", command: ["python3", "-c", workload], image: image)
    try await platform.wait(for: agent.id, .running)
    let log = "\(platform.layout.agentsDirectory)/\(agent.metadata.uid)/log/log/agent.log"
    let id = "\(platform.layout.instance).\(agent.metadata.uid)"
    let node = try String(contentsOfFile: "\(platform.layout.runDirectory)/node.pid", encoding: .utf8)
    guard let process = Int32(node.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      throw BenchmarkFailure("no node")
    }
    var (watched, alone) = ([String: [Double]](), [String: [Double]]())
    for _ in 0..<5 {
      try await collect(&watched, log)
      // A node that stands still makes no session anew.
      kill(process, SIGSTOP)
      defer { kill(process, SIGCONT) }
      let runsc = ["netns", "exec", "lobstack-\(platform.layout.instance)-control", "runsc"]
      try await Command(
        "ip", runsc + ["--root=\(platform.layout.runtimeDirectory)", "trace", "delete", "-name", "Default", id]
      ).check()
      try await collect(&alone, log)
      kill(process, SIGCONT)
      try await Task.sleep(for: .seconds(3))
    }
    try await platform.delete(agent.id)
    return ["open", "exec", "python"].compactMap { name in
      guard let ours = watched[name], let peer = alone[name] else { return nil }
      let (own, other) = (Samples(ours), Samples(peer))
      return Row(
        what: "a watched sandbox's \(name) loop", figure: String(format: "%.0f/s (%d)", own.p50, own.count),
        peer: String(format: "not watched: %.0f/s (%d)", other.p50, other.count),
        ratio: String(format: "%.2f times as long", other.p50 / own.p50))
    }
  }

  /// What the program prints within some seconds from now, but for the turn that has begun.
  private static func collect(_ rates: inout [String: [Double]], _ log: String) async throws {
    let begin = try String(contentsOfFile: log, encoding: .utf8).utf8.count
    try await Task.sleep(for: .seconds(6))
    let text = try String(contentsOfFile: log, encoding: .utf8)
    let lines = String(decoding: text.utf8.dropFirst(begin), as: UTF8.self).split(separator: "\n").dropFirst(2)
      .dropLast()
    for line in lines {
      let words = line.split(separator: " ")
      guard words.count == 2, let rate = Double(words[1]) else { continue }
      rates[String(words[0]), default: []].append(rate)
    }
  }
}
