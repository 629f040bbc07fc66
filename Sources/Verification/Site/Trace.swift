import AgentModel

/// Something that a run of verify leaves on the machine until it takes it away again.
package enum Trace: Sendable, Hashable, Codable {
  /// A directory with all that is in it.
  case directory(String)
  case mount(String)
  /// A named network namespace, with the interfaces in it.
  case networkNamespace(String)
  case interface(String)
  /// What follows `ip -4|-6 rule add`.
  case rule(family: Int, selector: [String])
  case routes(family: Int, table: Int)
  /// A file below /proc/sys with the value to put back.
  case setting(path: String, value: String)
  /// - Parameter runtime: path of its runsc; `nil` for the one of PATH.
  case sandbox(runtimeRoot: String, id: String, runtime: String? = nil)
  case cgroup(String)
  case process(pid: Int32, startTime: UInt64)
  /// A secret, likewise a token, of the platform whose API listens at the socket.
  case secret(apiSocket: String, reference: SecretReference)
  case token(apiSocket: String, id: String)
  /// An agent of the platform whose API listens at the socket.
  case agent(apiSocket: String, id: AgentID)
  /// An installation of Lobstack of our own.
  case platform(stateDirectory: String, instance: InstanceName)

  /// A running thing, as against what it stands on.
  var isAlive: Bool {
    switch self {
    case .sandbox, .process, .agent, .platform: true
    case .directory, .mount, .networkNamespace, .interface, .rule, .routes, .setting, .cgroup, .secret, .token: false
    }
  }
}
