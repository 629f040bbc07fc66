import Faults
import Foundation
import JSONValues
import KubernetesAPI
import Verification

/// ISO-4: an agent's limits hold. What a bomb takes is bounded by its plan, a little over the limit, and held by the limits
/// of the Pod that it goes off in.
struct LimitChecks: Sendable {
  let site: ClusterSite
  let stage: Shared<Stage>

  private static let threads = 4
  /// Seconds in which the kubelet counts three times.
  private static let burning = 50
  /// MiB over what an agent may hold.
  private static let excess = 64
  /// More than that are not started, whatever the node's limit.
  private static let mostProcesses = 4_096
  /// Where the node has no limit.
  private static let usualProcesses = 1_088

  var all: [Check] {
    [
      Check(
        "ISO-4", layer: "isolation", title: "limits of memory, CPU and processes hold",
        deadline: ClusterVerify.stageDeadline * 2, isAlone: true, isLong: true, body: check)
    ]
  }

  private func check() async throws -> Finding {
    let allowed = try Allowance(try await stage.value.victim.pod)
    let bomb = allowed.megabytes + Self.excess
    let documents = ProbePods(site: site)
    let bombs = plan(.cpu(threads: Self.threads, seconds: Self.burning), .memory(megabytes: bomb))
    let memory: JSON = .string("\(bomb + 256)Mi")
    let free = try await site.make(
      documents.bare(
        "unlimited", bombs, isSandboxed: true,
        resources: [
          "requests": ["cpu": .string("\(Int(min(allowed.cpus, 0.5) * 1_000))m"), "memory": memory],
          "limits": ["memory": memory],
        ],
        // As an agent has it: what holds the one and not the other is the limits alone. By gVisor of 2026-08 a program has
        // no threads in containerd's own (clone3(2) is answered EPERM, for which the C library knows no other way).
        seccomp: ["type": "Localhost", "localhostProfile": "agent.json"]), bombs)
    let bound = try await site.make(documents.agent(site.agentName(.memory), bombs), bombs)
    async let freeShare = share(of: free)
    async let boundShare = share(of: bound)
    let cpu = Self.cpu(free: try await freeShare, bound: try await boundShare, allowed.cpus)
    let (control, attacked) = (try await free.fate(), try await bound.fate())
    for probe in [free, bound] { try await probe.remove() }
    return Finding([
      Trial(
        "hold more memory than allowed", withoutControl: Self.memory(control, of: nil),
        withControl: Self.memory(attacked, of: allowed.megabytes)), cpu, try await processes(documents),
    ])
  }

  private func plan(_ bombs: ProbePlan.Bomb...) -> ProbePlan {
    var plan = ProbePlan(nonce: UUID().uuidString, canary: UUID().uuidString)
    plan.bombs = bombs
    return plan
  }

  // MARK: Judgement

  /// - Parameter limit: of the node; `nil` for none, where what stopped the bomb is no limit of processes.
  static func processes(_ line: ProbeLine, limit: Int?, _ attack: String, _ text: String) -> Trial {
    let started = line.text.split(separator: " ").first.flatMap { Int($0) } ?? 0
    // What the kernel says for want of tasks, as gVisor hands it on; nothing where the bomb was ended.
    let reason = line.text.split(separator: ": ").dropFirst().last.map(String.init)
    let isOfTasks = [nil, "Resource temporarily unavailable", noMemory].contains(reason)
    return Trial(
      attack,
      withoutControl: started > 0 ? .succeeded("below the limit it starts them: \(line.text)") : .unknown(text),
      withControl: line.isDone ? .succeeded(text) : limit != nil && isOfTasks ? .prevented(text) : .unknown(text))
  }

  /// As the kubelet says why a container was ended.
  private static let outOfMemory = "OOMKilled"
  /// As the kernel says it of ENOMEM.
  private static let noMemory = "Cannot allocate memory"

  /// - Parameter limit: MiB; `nil` for one that nothing bounds.
  static func memory(_ fate: ProbePod.Fate, of limit: Int?) -> AttackOutcome {
    guard let line = fate.record[ProbePlan.Bomb.memoryID] else {
      return .unknown("the bomb did not go off: \(fate.end)")
    }
    if line.isDone { return .succeeded(line.text) }
    let text = "\(line.text), the last that it said; \(fate.end)"
    // What was ended by somebody else, or early, was not held by the limit: only the kernel's two ways of saying no count.
    let isOfLimit = fate.end.contains(outOfMemory) || line.text.hasSuffix(noMemory)
    guard let limit, isOfLimit, let held = line.text.split(separator: " ").first.flatMap({ Int($0) }), held * 2 >= limit
    else { return .unknown(text) }
    return .prevented(text)
  }

  /// - Parameters:
  ///   - free: share of a processor that the program without a limit had, as the kubelet counts it; `nil` where it was not
  ///     told.
  ///   - limit: of the other.
  static func cpu(free: Double?, bound: Double?, _ limit: Double) -> Trial {
    func text(_ share: Double) -> String { "\(Int(share * 100)) % of a CPU" }
    let least = limit * 1.25 + 0.05
    let control: AttackOutcome =
      switch free {
      case nil: .unknown("the kubelet does not tell what it used")
      case let share? where share > least: .succeeded("\(text(share)) without a limit")
      case let share?:
        .unknown("\(text(share)) without a limit, where \(text(limit)) is allowed: the node is too busy or small")
      }
    let attacked: AttackOutcome =
      switch bound {
      case nil: .unknown("the kubelet does not tell what it used")
      case let share? where share > least: .succeeded("\(text(share)), allowed \(text(limit))")
      case let share?: .prevented("\(text(share)), allowed \(text(limit))")
      }
    return Trial("use more CPU than allowed", withoutControl: control, withControl: attacked)
  }

  /// The share of a processor that a probe has while it computes.
  private func share(of probe: ProbePod) async throws -> Double? {
    let pod = try await probe.started()
    var samples: [Usage] = []
    let deadline = ContinuousClock.now + .seconds(Self.burning) + ProbePod.planLimit
    while ContinuousClock.now < deadline {
      // One that was ended has nothing more to measure.
      let line: ProbeLine?
      do { line = try await probe.told()[ProbePlan.Bomb.cpuID] } catch is Fault { break }
      guard line?.isDone != true else { break }
      if line != nil, let now = try await usage(of: pod), now.time != samples.last?.time { samples.append(now) }
      try await Task.sleep(for: .seconds(1))
    }
    // The first was counted before, at least in part.
    guard samples.count > 2, let last = samples.last else { return nil }
    let seconds = last.time.timeIntervalSince(samples[1].time)
    return seconds > 0 ? Double(last.nanoseconds - samples[1].nanoseconds) / 1e9 / seconds : nil
  }

  private struct Usage {
    var time: Date
    var nanoseconds: Int
  }

  /// As the kubelet counts it on the node; it counts anew every ten or fifteen seconds.
  private func usage(of pod: KubernetesObject) async throws -> Usage? {
    let node = pod["spec", "nodeName"]?.string ?? ""
    let text: String
    do { text = try await site.client.text(at: "/api/v1/nodes/\(node)/proxy/stats/summary") } catch is Fault {
      return nil
    }
    let all = try JSON(Array(text.utf8))["pods"]?.array ?? []
    let cpu = all.first { $0["podRef"]?["uid"]?.string == pod.uid }?["cpu"]
    guard let time = cpu?["time"]?.string, let date = try? Date(time, strategy: .iso8601),
      let nanoseconds = cpu?["usageCoreNanoSeconds"]?.int
    else { return nil }
    return Usage(time: date, nanoseconds: nanoseconds)
  }

  // MARK: Processes

  /// Without a control elsewhere: the node's limit is that of all its Pods. That the bomb goes off at all shows in what it
  /// starts below the limit.
  private func processes(_ documents: ProbePods) async throws -> Trial {
    let attack = "start more processes than allowed"
    let node = try await stage.value.victim.node
    let limit = try await processLimit(of: node)
    let wanted = limit.map { $0 + Self.excess } ?? Self.usualProcesses
    guard wanted <= Self.mostProcesses else {
      return Trial(
        attack, withoutControl: .unknown("node \(node) lets a Pod have \(wanted - Self.excess), too many to be tried"),
        withControl: .unknown("not tried"))
    }
    let bombs = plan(.processes(wanted))
    let probe = try await site.make(documents.agent(site.agentName(.processes), bombs), bombs)
    let fate = try await probe.fate()
    try await probe.remove()
    guard fate.node == node else {
      return Trial(
        attack, withoutControl: .unknown("it ran on node \(fate.node), and the limit is that of \(node)"),
        withControl: .unknown("not told"))
    }
    let words = limit.map { "podPidsLimit of \(node) is \($0)" } ?? "node \(node) has no podPidsLimit"
    guard let line = fate.record[ProbePlan.Bomb.processesID] else {
      return Trial(
        attack, withoutControl: .unknown("the bomb did not go off: \(fate.end)"), withControl: .unknown(words))
    }
    return Self.processes(line, limit: limit, attack, "\(line.text); \(fate.end); \(words)")
  }

  /// `nil` for none, and where nobody says.
  private func processLimit(of node: String) async throws -> Int? {
    do {
      let text = try await site.client.text(at: "/api/v1/nodes/\(node)/proxy/configz")
      let limit = try JSON(Array(text.utf8))["kubeletconfig"]?["podPidsLimit"]?.int ?? -1
      return limit > 0 ? limit : nil
    } catch is Fault { return nil }
  }
}

/// What an agent's Pod may use, its sandbox's own part with it.
struct Allowance: Hashable {
  var cpus: Double
  var megabytes: Int

  /// - Throws: `NotTestable` for a Pod without limits.
  init(_ pod: KubernetesObject) throws {
    let limits = pod["spec", "containers"]?.array?.first?["resources"]?["limits"]
    guard let cpus = limits?["cpu"]?.string.flatMap(Self.cpus),
      let memory = limits?["memory"]?.string.flatMap(Self.megabytes)
    else { throw NotTestable("the Pod \(pod.name) has no limits") }
    self.cpus = cpus + (pod["spec", "overhead", "cpu"]?.string.flatMap(Self.cpus) ?? 0)
    megabytes = memory + (pod["spec", "overhead", "memory"]?.string.flatMap(Self.megabytes) ?? 0)
  }

  /// `100m`, `2`, `1.5`.
  static func cpus(_ text: String) -> Double? {
    text.hasSuffix("m") ? Double(text.dropLast()).map { $0 / 1_000 } : Double(text)
  }

  /// `256Mi`, `2Gi`, bytes.
  static func megabytes(_ text: String) -> Int? {
    for (suffix, shift) in [("Ki", -10), ("Mi", 0), ("Gi", 10), ("Ti", 20)] where text.hasSuffix(suffix) {
      return Int(text.dropLast(2)).map { shift < 0 ? $0 >> 10 : $0 << shift }
    }
    return Int(text).map { $0 >> 20 }
  }
}
