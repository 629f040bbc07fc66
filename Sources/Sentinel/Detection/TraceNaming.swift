/// By what it is known whose sandbox a connection is of.
enum TraceNaming: Hashable, Sendable {
  /// By the command line of the runsc that connects, on one machine.
  case command
  /// By the containers whose start it tells of first, on a cluster: the API server says whose they are, a moment later.
  /// Of a node's processes a Pod sees nothing.
  ///
  /// - Parameter patience: nanoseconds that the API server has for it, once the agent's container has started.
  case containers(patience: Int64)

  static let cluster = TraceNaming.containers(patience: 15_000_000_000)
}
