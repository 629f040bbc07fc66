import Faults
import Foundation
import JSONValues
import KubernetesAPI
import Verification

/// A probe in its Pod.
struct ProbePod: Sendable {
  let client: KubernetesClient
  let name: String
  let namespace: String
  let nonce: String
  /// Whether it is an agent's, which the operator makes.
  let isAgent: Bool

  /// For being scheduled, for its image, for its start.
  static let startLimit = Duration.seconds(120)
  static let planLimit = Duration.seconds(60)

  /// The Pod once it runs.
  ///
  /// - Throws: `NotTestable` with what keeps it from running.
  func started() async throws -> KubernetesObject {
    let deadline = ContinuousClock.now + Self.startLimit
    while true {
      let pod = try await find()
      if let pod, pod["status", "phase"]?.string == "Running", pod["status", "podIP"]?.string != nil { return pod }
      // An agent's whose policies were late is made again.
      let end =
        isAgent
        ? nil : pod.flatMap { ["Failed", "Succeeded"].contains($0["status", "phase"]?.string ?? "") ? $0 : nil }
      guard end == nil, ContinuousClock.now < deadline else {
        throw NotTestable("the probe \(namespace)/\(name) does not run: \(try await obstacle(pod))")
      }
      try await Task.sleep(for: .seconds(1))
    }
  }

  /// What it told once it has done all.
  ///
  /// - Throws: `NotTestable` when it does not come to its end.
  func record() async throws -> ProbeRecord {
    let deadline = ContinuousClock.now + Self.planLimit
    while true {
      let log = try await log()
      let record = ProbeRecord(log, nonce: nonce)
      if record.isWhole { return record }
      guard ContinuousClock.now < deadline else {
        let text = oneLine(String(decoding: log.suffix(300), as: UTF8.self))
        throw NotTestable("the probe \(namespace)/\(name) did not end its plan; the last that it wrote: \(text)")
      }
      try await Task.sleep(for: .seconds(1))
    }
  }

  /// What came of a probe that its bombs may end.
  struct Fate: Sendable {
    var record: ProbeRecord
    /// How it ended, or that it did not.
    var end: String
    var node: String
  }

  /// Waits for the end of the plan, or of the container.
  ///
  /// - Throws: `NotTestable` when it does not start, or neither comes.
  func fate() async throws -> Fate {
    let first = try await started()
    let node = first["spec", "nodeName"]?.string ?? ""
    let deadline = ContinuousClock.now + Self.planLimit * 2
    var last: [UInt8] = []
    while ContinuousClock.now < deadline {
      // Of a container that is gone there is no log any more; what was read before stands.
      do { last = try await log() } catch is Fault {}
      let record = ProbeRecord(last, nonce: nonce)
      if record.isWhole { return Fate(record: record, end: "it ran on", node: node) }
      let pod = try await find()
      let status = pod?["status", "containerStatuses"]?.array?.first
      guard let pod, pod.uid == first.uid else { return Fate(record: record, end: "its Pod is gone", node: node) }
      let ended = status?["state"]?["terminated"] ?? status?["lastState"]?["terminated"]
      if let ended {
        let why = "\(ended["reason"]?.string ?? "") (exit code \(ended["exitCode"]?.int ?? -1))"
        return Fate(record: record, end: oneLine("it was ended: \(why)"), node: node)
      }
      try await Task.sleep(for: .milliseconds(500))
    }
    throw NotTestable("the probe \(namespace)/\(name) neither ended its plan nor was ended")
  }

  /// What it has told so far.
  func told() async throws -> ProbeRecord { ProbeRecord(try await log(), nonce: nonce) }

  private func log() async throws -> [UInt8] {
    try await client.log(of: name, namespace: namespace, limit: ProbeRecord.longestLog)
  }

  func remove() async throws {
    do { try await client.delete(isAgent ? .agents : .pods, name, namespace: namespace) } catch let fault as Fault
      where fault.code == .notFound
    {}
  }

  func find() async throws -> KubernetesObject? {
    try await client.find(.pods, name, namespace: namespace)
  }

  /// What the kubelet, the scheduler or the operator says.
  func obstacle(_ pod: KubernetesObject?) async throws -> String {
    guard isAgent else { return pod.map(Self.obstacle) ?? "it is gone" }
    // The operator knows more than the Pod says: such as that its policies are not in force.
    let agent = try await client.get(.agents, name, namespace: namespace)
    return agent["status", "reason"]?.string.map(oneLine) ?? pod.map(Self.obstacle)
      ?? "the operator made no Pod of the Agent"
  }

  static func obstacle(_ pod: KubernetesObject) -> String {
    let status = pod["status"]
    for container in status?["containerStatuses"]?.array ?? [] {
      for state in ["waiting", "terminated"] {
        guard let why = container["state"]?[state], let reason = why["reason"]?.string else { continue }
        return oneLine("\(reason) \(why["message"]?.string ?? "")")
      }
    }
    let conditions = status?["conditions"]?.array ?? []
    if let scheduled = conditions.first(where: { $0["type"]?.string == "PodScheduled" }),
      scheduled["status"]?.string == "False"
    {
      return oneLine("\(scheduled["reason"]?.string ?? "") \(scheduled["message"]?.string ?? "")")
    }
    return oneLine("it is \(status?["phase"]?.string ?? "unknown") \(status?["message"]?.string ?? "")")
  }
}

/// Text of another, for a line of a report.
func oneLine(_ text: String) -> String {
  let plain = text.unicodeScalars.prefix(400).map { scalar -> Unicode.Scalar in
    scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) ? " " : scalar
  }
  return String(String.UnicodeScalarView(plain)).trimmingCharacters(in: .whitespaces)
}
