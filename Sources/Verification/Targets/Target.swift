import Faults
import Foundation
import Glibc

/// A sandbox under attack, with all that a witness outside has to know of it.
struct Target: Sendable {
  /// For evidence: "agent lobstack-verify/p1-a", "a throw-away sandbox without controls".
  let name: String
  /// The workspace, on the host.
  let workspace: String
  /// Directories of the host in which a write to the root file system would show.
  let imageDirectories: [String]
  /// The firewall's side of the sandbox's network.
  let network: TargetNetwork
  /// A random value that stands in its environment, its workspace and its /tmp.
  let canary: String
  /// The sandbox's process on the host, as the runtime knows it; `nil` when it does not run.
  let process: @Sendable () async throws -> Int32?
  /// Runs a bash script inside.
  let run: @Sendable (_ script: String, _ limit: Duration) async throws -> ScriptResult

  /// Runs a script that is expected to take no time.
  func run(_ script: String) async throws -> ScriptResult { try await run(script, .seconds(15)) }

  /// Runs a script as a child of the sandbox's own program, not as an exec from outside: the two need not be confined
  /// in the same way.
  func runByProgram(_ script: String, limit: Duration = .seconds(10)) async throws -> String {
    let (job, answer) = ("\(workspace)/\(ProbeProgram.job)", "\(workspace)/\(ProbeProgram.answer)")
    try script.write(toFile: job + ".new", atomically: false, encoding: .utf8)
    chmod(job + ".new", 0o666)
    guard rename(job + ".new", job) == 0 else { throw networkFailure("put a script into \(workspace)") }
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
      if let data = FileManager.default.contents(atPath: answer) {
        unlink(answer)
        return String(decoding: data, as: UTF8.self)
      }
      try await Task.sleep(for: .milliseconds(50))
    }
    throw Fault(
      .timedOut, operation: "run a script by the program of \(name)", reason: "no answer within \(limit)",
      remedy: "check the load of the machine and try again")
  }

  /// Every process of the sandbox on the host: its own and those that gVisor makes for the guest's.
  func hostProcesses() async throws -> [HostProcess] {
    guard let pid = try await process() else { return [] }
    return HostProcess.tree(of: pid).filter { !$0.isZombie }
  }
}

struct TargetNetwork: Sendable {
  let namespace: String
  /// The host's end of the veth pair.
  let interface: String
  /// The sandbox's end, inside the namespace.
  let innerInterface: String
  let hostAddress: IPAddress
  let address: IPAddress
}

struct ScriptResult: Sendable {
  var code: Int32
  var output: String
}

/// What every probe sandbox runs: a canary to look for, a server to reach, and a heart that beats on the host's disk.
enum ProbeProgram {
  static let port: UInt16 = 8080
  static let heartbeat = "heartbeat"
  /// Between two beats, in a quiet sandbox.
  static let beat = Duration.milliseconds(100)

  /// A script that the host puts here is run by the agent's own program, and its output put beside it.
  fileprivate static let job = "job"
  fileprivate static let answer = "answer"

  static func command() -> [String] { ["/bin/bash", "-c", script] }

  private static let script = """
    trap 'exit 0' TERM
    umask 022
    mkdir -p /tmp/www
    echo "$PROBE_CANARY"
    echo "$PROBE_CANARY" | tee /tmp/canary /workspace/canary > /tmp/www/index.html
    httpd -p \(port) -h /tmp/www
    rm -f /tmp/tick; mkfifo /tmp/tick; exec 9<>/tmp/tick
    while :; do
      echo "$EPOCHREALTIME" >> /workspace/\(heartbeat); read -r -t 0.1 -u 9
      if [ -e /workspace/\(job) ]; then
        bash /workspace/\(job) > /tmp/answer 2>&1
        rm -f /workspace/\(job); cat /tmp/answer > /workspace/\(answer).new; mv /workspace/\(answer).new /workspace/\(answer)
      fi
    done
    """
}
