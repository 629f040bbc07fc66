import AgentModel
import Framing
import NodeProtocol
import SecretStore

/// What the control plane asks of the node. Tests stand in for it with a node in memory.
package protocol NodeConnection: Sendable {
  func describe() async throws -> NodeDescription
  func apply(_ state: DesiredState) async throws
  func observe(after revision: UInt64, waitSeconds: Int) async throws -> ObservedState
  /// What the agents that run use of the machine.
  func usage() async throws -> [AgentUsage]
  /// Tells that a secret has another version, or none; answered when the agents that use it have it.
  func secretsChanged(_ reference: SecretReference, in index: VaultIndex?) async throws
  /// Has something done about a sandbox; returns when it is in force.
  func respond(_ order: ResponseOrder) async throws
  /// Calls `output` in order, one call after another; the last frame is `exit` or `fault`.
  func exec(
    uid: AgentUID, command: [String], env: [String: String], directory: String?, input: AsyncStream<Frame>,
    output: @escaping @Sendable (Frame) async throws -> Void) async throws
  /// Calls `output` in order, one call after another.
  func logs(
    uid: AgentUID, tailBytes: Int, follow: Bool, output: @escaping @Sendable (Frame) async throws -> Void) async throws
}

extension NodeClient: NodeConnection {}
