import Foundation
import JSONValues
import Verification

/// ISO and SEC-6: what a program finds round itself in an agent's Pod.
struct SandboxChecks: Sendable {
  let stage: Shared<Stage>

  var isolation: [Check] {
    [
      check("ISO-1", "isolation", "the guest's kernel is gVisor's", Self.kernel),
      check("ISO-2", "isolation", "the root file system is read-only", Self.root),
      check("ISO-3", "isolation", "the program is not root, has no capability and gets none", Self.privileges),
      check("ISO-6", "isolation", "no file, process or memory of another agent is reached", Self.others),
      check("ISO-5", "isolation", "no file of the host is reached", Self.hostFiles),
    ]
  }

  var secrets: [Check] {
    [check("SEC-6", "secrets", "there is no Kubernetes token in the sandbox", Self.token)]
  }

  var network: [Check] {
    [
      check(
        "NET-7", "network", "no packet with another's address is made: there are no raw sockets, nor others' addresses",
        Self.forgery)
    ]
  }

  private func check(
    _ id: String, _ layer: String, _ title: String, _ body: @escaping @Sendable (Stage) throws -> Finding
  ) -> Check {
    Check(id, layer: layer, title: title, deadline: ClusterVerify.stageDeadline, isLong: true) {
      try body(try await stage.value)
    }
  }

  private static func kernel(_ stage: Stage) -> Finding {
    func outcome(_ actor: Stage.Actor) -> AttackOutcome {
      guard let line = actor.record["file:/proc/sys/kernel/random/boot_id"], let node = stage.nodes[actor.node] else {
        return .unknown("the probe did not look")
      }
      let release = actor.record["file:/proc/sys/kernel/osrelease"]?.text.trimmed ?? ""
      let version = actor.record["file:/proc/version"]?.text.trimmed ?? ""
      // The API server tells what the kubelet found on the host itself.
      if line.text.trimmed == node["bootID"]?.string {
        return .succeeded("the boot id is the node's; kernel \(release)")
      }
      if release == node["kernelVersion"]?.string { return .succeeded("the kernel is the node's: \(release)") }
      guard "\(release) \(version)".lowercased().contains("gvisor") else {
        return .unknown("the kernel is \(version), neither the node's nor gVisor's")
      }
      return .prevented("\(version); the node's is \(node["kernelVersion"]?.string ?? "?")")
    }
    return Finding([
      Trial("find the node's kernel", withoutControl: outcome(stage.listener), withControl: outcome(stage.victim))
    ])
  }

  private static func root(_ stage: Stage) throws -> Finding {
    let open = try stage.open.get()
    var control = FlowChecks.outcome("write", open.record)
    if case .prevented(let why) = control { control = .unknown(why) }
    var real = FlowChecks.outcome("write", stage.victim.record)
    // Any other obstacle could be gone for another user. gVisor looks at permissions first.
    if case .prevented(let why) = real, why != String(cString: strerror(EROFS)) {
      let isReadOnly = stage.victim.record["read-only"]?.isDone == true
      real = isReadOnly ? .prevented("\(why), and it is mounted read-only") : .unknown(why)
    }
    return Finding([Trial("write to the root file system", withoutControl: control, withControl: real)])
  }

  private static func privileges(_ stage: Stage) throws -> Finding {
    let open = try stage.open.get()
    func held(_ actor: Stage.Actor) -> AttackOutcome {
      let sets = ["CapPrm", "CapEff", "CapBnd"].compactMap { name in
        actor.record[name].map { (name, $0.text.trimmed) }
      }
      guard sets.count == 3 else { return .unknown("/proc/self/status names \(sets.count) of 3 sets") }
      let text = sets.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
      return sets.allSatisfy { $0.1.allSatisfy { $0 == "0" } } ? .prevented(text) : .succeeded(text)
    }
    func isRoot(_ actor: Stage.Actor) -> AttackOutcome {
      guard let uid = actor.record["uid"]?.text else { return .unknown("the probe did not look") }
      guard uid != "0" else { return .succeeded("the program is root") }
      switch FlowChecks.outcome("setuid", actor.record) {
      case .succeeded: return .succeeded("uid \(uid) became root")
      case .prevented(let why): return .prevented("uid \(uid); seteuid(0): \(why)")
      case .unknown(let why): return .unknown(why)
      }
    }
    func gains(_ actor: Stage.Actor) -> AttackOutcome {
      switch FlowChecks.outcome("no-new-privileges", actor.record) {
      case .succeeded: .prevented("no_new_privs is set")
      case .prevented("0"): .succeeded("no_new_privs is not set")
      case .prevented(let why), .unknown(let why): .unknown(why)
      }
    }
    return FlowChecks.finding([
      (
        Trial("run a program that gains privileges", withoutControl: gains(open), withControl: gains(stage.victim)),
        true
      ),
      (Trial("hold a capability", withoutControl: held(open), withControl: held(stage.victim)), true),
      (Trial("be or become root", withoutControl: isRoot(open), withControl: isRoot(stage.victim)), true),
      (
        Trial(
          "give a file to another user", withoutControl: FlowChecks.outcome("chown", open.record),
          withControl: FlowChecks.outcome("chown", stage.victim.record)), true
      ),
      (
        Trial(
          "mount a file system", withoutControl: FlowChecks.outcome("mount", open.record),
          withControl: FlowChecks.outcome("mount", stage.victim.record)), false
      ),
    ])
  }

  private static func others(_ stage: Stage) throws -> Finding {
    func outcome(_ actor: Stage.Actor) -> AttackOutcome {
      guard let other = actor.record["search:other"], let own = actor.record["search:own"] else {
        return .unknown("the probe did not search")
      }
      guard own.isDone else { return .unknown("the search did not even find what is its own: \(own.text)") }
      return other.isDone
        ? .succeeded("it was found: \(other.text)") : .prevented("\(other.text), and it was not there")
    }
    // From another machine nothing is found, whatever the sandbox does.
    guard stage.attacker.node == stage.victim.node else {
      throw NotTestable(
        "the two agents run on different nodes, \(stage.attacker.node) and \(stage.victim.node): run it again")
    }
    return Finding([
      Trial(
        "find what another has in its environment and its files", withoutControl: outcome(try stage.open.get()),
        withControl: outcome(stage.attacker))
    ])
  }

  private static func forgery(_ stage: Stage) throws -> Finding {
    let host = try stage.host.get()
    return Finding(
      [
        ("make packets by a raw socket", "raw-socket"), ("make packets by a packet socket", "packet-socket"),
        ("send from an address of nobody", "foreign-source"),
      ].map { attack, id in
        Trial(
          attack, withoutControl: FlowChecks.outcome(id, host.record),
          withControl: FlowChecks.outcome(id, stage.victim.record))
      })
  }

  private static func hostFiles(_ stage: Stage) throws -> Finding {
    func outcome(_ actor: Stage.Actor) -> AttackOutcome {
      guard let id = stage.nodes[actor.node]?["machineID"]?.string, id.count >= 16 else {
        return .unknown("node \(actor.node) tells no machine id")
      }
      let found = ProbeLook.hostFiles.filter {
        // With or without hyphens, as files have it.
        actor.record["file:\($0)"]?.text.replacing("-", with: "").contains(id.replacing("-", with: "")) == true
      }
      guard found.isEmpty else { return .succeeded("the node's machine id is in \(found.joined(separator: ", "))") }
      let tried = ProbeLook.hostFiles.count { actor.record["file:\($0)"] != nil }
      return tried == 0
        ? .unknown("the probe did not look") : .prevented("\(tried) ways, and the node's machine id never came back")
    }
    return Finding([
      Trial(
        "read a file of the node", withoutControl: outcome(try stage.open.get()), withControl: outcome(stage.victim))
    ])
  }

  private static func token(_ stage: Stage) throws -> Finding {
    let id = "file:\(ProbeLook.token)"
    return Finding([
      Trial(
        "find the token of a service account", withoutControl: FlowChecks.outcome(id, try stage.open.get().record),
        withControl: FlowChecks.outcome(id, stage.victim.record))
    ])
  }
}

extension String {
  fileprivate var trimmed: String { trimmingCharacters(in: CharacterSet(charactersIn: " ?\t\n")) }
}
