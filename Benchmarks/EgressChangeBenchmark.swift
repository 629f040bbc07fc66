import APIModel
import AgentModel
import Files
import Foundation
import Glibc

/// From the request that changes an agent's hosts until it holds, proved by the agent itself: it asks for the host's
/// name and speaks to it, over and over, and tells each time that the answer is another.
enum EgressChangeBenchmark {
  private static let changes = 20
  private static let host = "files.example.com"
  /// Prints the new state and how many tries the one before had. To look a name up and to connect is one program's run.
  private static let probe = [
    "sh", "-c",
    """
    last=; n=0; while :; do case $(nc -w 2 \(host) 443 -e /try 2>&1) in \(OutsideNetwork.word)*) now=open;; \
    *) now=closed;; esac; n=$((n+1)); [ $now = "$last" ] || { echo $now $n; n=0; }; last=$now; done
    """,
  ]
  /// One try on a connection. It must not close its half of it early, as no TLS client does: Envoy would close the rest.
  private static let attempt = "#!/bin/sh\ncat /hello; read word; echo \"$word\" >&2\n"

  static func run() async throws -> [Row] {
    try await OutsideNetwork.with { outside in
      try await BenchmarkPlatform.with(["--resolver", outside.address]) { platform in
        try Data(ClientHello.bytes(name: host)).write(to: URL(filePath: "\(platform.image)/hello"))
        try attempt.write(toFile: "\(platform.image)/try", atomically: true, encoding: .utf8)
        chmod("\(platform.image)/try", 0o755)
        let agent = try await platform.create("probe", command: probe)
        try await platform.wait(for: agent.id, .running)
        let log = "\(platform.layout.agentsDirectory)/\(agent.metadata.uid)/log/log/agent.log"
        var lines = 1
        var last = try await change(in: log, line: lines, to: "closed").time
        var (opened, closed, tries): ([Double], [Double], [Double]) = ([], [], [])
        for number in 0..<(2 * changes) {
          let isOpening = number % 2 == 0
          // Not in step with the probe.
          try await Task.sleep(for: .milliseconds(Int.random(in: 200..<400)))
          let start = StartBenchmark.realTime()
          try await platform.change(agent, command: probe, egress: isOpening ? [host] : [])
          lines += 1
          let seen = try await change(in: log, line: lines, to: isOpening ? "open" : "closed")
          if isOpening { opened.append((seen.time - start) * 1000) } else { closed.append((seen.time - start) * 1000) }
          tries.append((seen.time - last) * 1000 / Double(seen.tries))
          last = seen.time
        }
        try await platform.delete(agent.id)
        return [
          .compare("PUT of egress to open, seen by the agent", Samples(opened), "one try of the agent", Samples(tries)),
          .compare("PUT of egress to closed", Samples(closed), "one try of the agent", Samples(tries)),
        ]
      }
    }
  }

  /// When the agent wrote its line of that number, by the clock of the file system, and how many tries came before it.
  private static func change(in log: String, line: Int, to state: String) async throws -> (time: Double, tries: Int) {
    let end = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < end {
      let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
      let lines = text.split(separator: "\n")
      if text.hasSuffix("\n"), lines.count >= line, let written = FileStatus(log)?.changed {
        let words = lines[line - 1].split(separator: " ")
        guard lines.count == line, words.count == 2, words[0] == state, let tries = Int(words[1]) else {
          throw BenchmarkFailure("the agent says '\(lines.suffix(2))' in place of \(state)")
        }
        return (Double(written[0]) + Double(written[1]) / 1e9, tries)
      }
      try await Task.sleep(for: .milliseconds(1))
    }
    throw BenchmarkFailure("the host is not \(state) within 30 s")
  }
}

/// The first message of a TLS client (RFC 8446 §4.1.2), as short as it may be.
private enum ClientHello {
  static func bytes(name: String) -> [UInt8] {
    let serverName = field(0, sized(2, [0] + sized(2, Array(name.utf8))))
    let versions = field(43, sized(1, [3, 4]))
    let groups = field(10, sized(2, [0, 29]))
    let signatures = field(13, sized(2, [4, 3]))
    let share = field(51, sized(2, [0, 29] + sized(2, [UInt8](repeating: 9, count: 32))))
    let body =
      [3, 3] + [UInt8](repeating: 7, count: 32) + [0] + sized(2, [0x13, 0x01]) + [1, 0]
      + sized(2, serverName + versions + groups + signatures + share)
    return [22, 3, 1] + sized(2, [1] + sized(3, body))
  }

  private static func field(_ type: UInt8, _ content: [UInt8]) -> [UInt8] { [0, type] + sized(2, content) }

  /// The content behind its length in so many bytes.
  private static func sized(_ width: Int, _ content: [UInt8]) -> [UInt8] {
    (0..<width).reversed().map { UInt8(content.count >> (8 * $0) & 0xff) } + content
  }
}
