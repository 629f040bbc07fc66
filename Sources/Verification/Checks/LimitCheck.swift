import APIClient
import APIModel
import AgentModel
import ChildProcess
import Faults
import Foundation
import Glibc
import KernelFiles
import Sandbox

/// ISO-4: the limits of an agent hold, and a neighbour does not feel its bombs.
struct LimitCheck: Sendable {
  let fixtures: Fixtures

  private static let tier = Tier.starter
  /// Host processes of a sandbox beside those of its guest: gVisor's own, the probe program's, the bomb's shells.
  private static let spareProcesses = 24
  /// CPU time over the quota that measuring over a second or two may show.
  private static let spareCPU = 0.25
  /// Longest time without a beat of the neighbour's heart. A quiet one beats ten times a second.
  private static let longestGap = Duration.milliseconds(1_500)

  var all: [Check] {
    [
      Check(
        "ISO-4", layer: "isolation",
        title: "memory, CPU and process limits hold, and one agent's bomb hurts no other", deadline: .seconds(120),
        isAlone: true, body: bombs)
    ]
  }

  private func bombs() async throws -> Finding {
    let attacker = try await fixtures.first.value
    let free = try await unlimited()
    let heart = Heartbeat(of: try await fixtures.second.value)

    let processesFree = await measure { try await processBomb(free) }
    let cpuFree = await measure { try await freeCPUBomb(free) }
    let memoryFree = await measure { try await memoryBomb(free) }
    // What the bomb holds is not to lie in the way of the next one; a sandbox that is over has let go of it already.
    _ = try? await free.run("kill -9 -1")
    heart.start()
    let processes = await measure { try await processBomb(attacker) }
    let cpu = await measure { try await cpuBomb(attacker) }
    let memory = await measure { try await memoryOutcome(attacker) }
    let (gap, beats) = heart.stop()
    try Task.checkCancellation()

    var finding = Finding([
      Trial("more processes than allowed", withoutControl: processesFree, withControl: processes),
      Trial("more CPU than allowed", withoutControl: cpuFree, withControl: cpu),
      Trial("more memory than allowed", withoutControl: memoryFree, withControl: memory),
    ])
    let neighbour = "the neighbour's heart beat \(beats) times, with \(gap.milliseconds) ms at the longest between two"
    guard beats > 0, gap <= Self.longestGap else {
      return Finding(
        .failed, prevented: false,
        evidence: ["\(neighbour); the bound is \(Self.longestGap.milliseconds) ms"] + finding.evidence)
    }
    finding.evidence.append(neighbour)
    return finding
  }

  private func measure(_ body: @Sendable () async throws -> AttackOutcome) async -> AttackOutcome {
    do { return try await body() } catch { return .unknown("\(error)") }
  }

  private func unlimited() async throws -> Target {
    let network = try await BareNetwork.make("c", number: 3, site: fixtures.site)
    return try await fixtures.throwAway.value.make(
      ThrowAwaySandboxes.Recipe(
        name: "unlimited", weaknesses: [.noLimits], processes: 4096, imageRoot: try await fixtures.image.value,
        network: network))
  }

  // MARK: Processes

  /// Counted on the host, where gVisor has a process for each of the guest's.
  private func processBomb(_ target: Target) async throws -> AttackOutcome {
    let wanted = Self.tier.processes * 2
    // busybox's shell gives up at the first fork that fails, where bash would wait and try again.
    let script = "sh -c 'i=0; while [ $i -lt \(wanted) ]; do sleep 2 & i=$((i+1)); done; sleep 1'"
    let bound = Self.tier.processes + Self.spareProcesses
    let idle = try await target.hostProcesses().count
    let (most, end) = try await highest(while: { try await target.run(script, .seconds(20)) }) {
      try await target.hostProcesses().count
    }
    // The next bomb is not to fail for what this one left, all of which ends by itself within two seconds. The host
    // does not tell when: gVisor keeps its processes for the next guest's.
    try await Task.sleep(for: .milliseconds(2_200))
    // gVisor keeps its processes of earlier programs, so that a bomb may go off without one more on the host.
    guard most > idle + 20 || end.contains("can't fork") else {
      return .unknown("the bomb did not go off: \(most) processes at most, \(idle) before; \(end)")
    }
    let text = "\(most) processes on the host, tried \(wanted), allowed \(Self.tier.processes)"
    return most > bound ? .succeeded(text) : .prevented(text)
  }

  // MARK: CPU

  /// Without a limit the bomb has to get more than the limit would allow. On a busy machine others may take that away for
  /// a while.
  private func freeCPUBomb(_ target: Target) async throws -> AttackOutcome {
    var outcome = try await cpuBomb(target)
    for _ in 0..<2 {
      guard case .prevented = outcome else { break }
      outcome = try await cpuBomb(target)
    }
    return outcome
  }

  private func cpuBomb(_ target: Target) async throws -> AttackOutcome {
    let cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
    guard cores > Self.tier.cpus else {
      return .unknown("this machine has \(cores) cores, so \(Self.tier.cpus) CPU cannot be exceeded")
    }
    let seconds = fixtures.site.isQuick ? 1.5 : 5.0
    let script = "for i in 1 2 3 4; do timeout \(seconds + 0.8) bash -c 'while :; do :; done' & done; wait"
    async let burning = ending { try await target.run(script, .seconds(15)) }
    try await Task.sleep(for: .milliseconds(500))
    let clock = ContinuousClock()
    let (before, start) = (try await ticks(target), clock.now)
    try await Task.sleep(for: .seconds(seconds))
    let (after, stop) = (try await ticks(target), clock.now)
    let end = await burning
    let used = Double(after - before) / Double(sysconf(Int32(_SC_CLK_TCK)))
    let share = used * 1000 / Double(max(1, start.duration(to: stop).milliseconds))
    let hundredths = Int(share * 100)
    let text = "4 spinning processes used \(hundredths) % of a CPU, allowed \(Self.tier.cpus * 100) %"
    guard hundredths > 20 else { return .unknown("the bomb did not go off: \(text); \(end)") }
    return share > Double(Self.tier.cpus) + Self.spareCPU ? .succeeded(text) : .prevented(text)
  }

  private func ticks(_ target: Target) async throws -> UInt64 {
    try await target.hostProcesses().reduce(0) { $0 + $1.cpuTicks }
  }

  // MARK: Memory

  private static let bombMegabytes = 1_300

  /// Twice 1300 MiB of the tier's 2 GiB, held until the bomb is ended: a busy machine takes its time to fill them.
  private static let memoryScript =
    "for i in 1 2; do (dd if=/dev/zero bs=\(bombMegabytes)M count=1 2>/dev/null | sleep 30) & done; wait"

  private func memoryBomb(_ target: Target) async throws -> AttackOutcome {
    try requireMemory()
    let limit = Int(Self.tier.memory.bytes >> 20)
    // Asked once: the runtime's answer takes as long as a part of the bomb.
    guard let process = try await target.process() else { return .unknown("the sandbox does not run") }
    // As soon as the limit is passed, the sandbox has shown what it can.
    let (most, end) = try await highest(
      until: limit + 50,
      while: {
        try await target.run(Self.memoryScript, .seconds(25))
      }
    ) { memory(of: process) }
    guard most > limit / 2 else { return .unknown("the bomb did not go off: \(most) MiB at most; \(end)") }
    let text = "\(most) MiB on the host, allowed \(limit) MiB (\(end))"
    return most > limit ? .succeeded(text) : .prevented(text)
  }

  private func memoryOutcome(_ target: Target) async throws -> AttackOutcome {
    let agents = try await fixtures.agents.value
    let id = try agents.name("a")
    let before = try await agents.client.agent(id).status
    let process = try await target.process()
    let outcome = try await memoryBomb(target)
    guard case .prevented(let text) = outcome else { return outcome }
    for _ in 0..<150 {
      let status = try await agents.client.agent(id).status
      if status.phase == .running, status.restarts > before.restarts, try await target.process() != process {
        guard status.lastExit?.outOfMemory == true else {
          return .unknown("\(text); the platform does not tell the end as one for want of memory")
        }
        return .prevented("\(text); the agent was ended for want of memory, said so, and was started again")
      }
      try await Task.sleep(for: .milliseconds(100))
    }
    return .unknown("\(text); the agent was not started again within 15 s")
  }

  /// Proportional set size of all the sandbox's processes in MiB; 0 when it has ended.
  private func memory(of sandbox: Int32) -> Int {
    HostProcess.tree(of: sandbox).reduce(0) { sum, process in
      // A process may end between two looks at it.
      let text = (try? kernelFile("/proc/\(process.pid)/smaps_rollup")) ?? ""
      let line = text.split(separator: "\n").first { $0.hasPrefix("Pss:") }
      return sum + (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0)
    } / 1024
  }

  private func requireMemory() throws {
    let text = try kernelFile("/proc/meminfo")
    let line = text.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
    let available = (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) / 1024
    let needed = Self.bombMegabytes * 2 + 512
    guard available >= needed else {
      throw NotTestable("the machine has \(available) MiB of free memory, the bomb needs \(needed) MiB")
    }
  }

  // MARK: Measuring

  /// The highest value seen while `work` runs, or until `enough` is passed, which ends the work; and how that ended.
  private func highest(
    until enough: Int = .max, while work: @escaping @Sendable () async throws -> ScriptResult,
    value: @escaping @Sendable () async throws -> Int
  ) async throws -> (Int, end: String) {
    try await withThrowingTaskGroup(of: (Int, String?).self) { group in
      group.addTask { (0, await ending(work)) }
      group.addTask {
        var most = 0
        while !Task.isCancelled {
          // Ends by cancellation, at either wait, with what was seen so far.
          do {
            most = max(most, try await value())
            if most > enough { return (most, nil) }
            try await Task.sleep(for: .milliseconds(50))
          } catch {
            if Task.isCancelled { break }
            throw error
          }
        }
        return (most, nil)
      }
      var result = (0, end: "it was ended")
      while let (most, end) = try await group.next() {
        result = (max(result.0, most), end ?? result.end)
        group.cancelAll()
      }
      return result
    }
  }
}

/// How a script ended, in words. The end of a bomb is often the end of its sandbox, and of the connection to it: that
/// is no failure of the check.
private func ending(_ work: @Sendable () async throws -> ScriptResult) async -> String {
  do {
    let result = try await work()
    return "its script ended with exit code \(result.code) and said '\(result.output.suffix(200))'"
  } catch {
    return "its script: \(error)"
  }
}
