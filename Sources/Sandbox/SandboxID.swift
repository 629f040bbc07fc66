import AgentModel

/// Names one sandbox to the runtime: `<instance>.<uid>`, short enough for the runtime's abstract socket.
package struct SandboxID: ParsedText {
  package let instance: InstanceName
  package let uid: AgentUID
  package static let rule = "a sandbox id: '<instance>.<agent uid>'"

  package init(instance: InstanceName, uid: AgentUID) {
    self.instance = instance
    self.uid = uid
  }

  package init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, let instance = InstanceName(String(parts[0])), let uid = AgentUID(String(parts[1])) else {
      return nil
    }
    self.init(instance: instance, uid: uid)
  }

  package var description: String { "\(instance).\(uid)" }

  /// The sandbox's control group, below the root of each controller.
  package var cgroup: String { "/lobstack-\(instance)/\(uid)" }
}

/// A sandbox as the runtime reports it.
package struct SandboxState: Sendable, Hashable {
  package enum Status: String, Sendable, Codable {
    case created, running, paused, stopped
  }

  package var id: SandboxID
  package var status: Status
  /// Process id of the sandbox on the host; 0 when it has ended.
  package var process: Int32
}
