import AgentModel
import Faults
import Files
import Foundation
import SecretStore

/// The key of one agent's workspace: random, wrapped by a Transit key of that agent alone, and kept nowhere else.
///
/// When the Transit key is destroyed, or this file is, nobody opens the workspace again.
struct WorkspaceKey: Sendable {
  /// What Transit made of it: `vault:v1:…`.
  let file: String
  let id: AgentID
  let uid: AgentUID
  let sessions: AgentSessions

  /// The key, unwrapped as the agent; a new one when there is none.
  func value() async throws -> SecretValue {
    let name = uid.volumeKeyName
    guard let data = FileManager.default.contents(atPath: file) else {
      let (key, wrapped) = try await sessions.with(id) { try await Transit($0).dataKey(name) }
      try writeAtomically(Data(wrapped.utf8), to: file, mode: 0o600)
      return key
    }
    let wrapped = String(decoding: data, as: UTF8.self)
    guard let key = try await sessions.with(id, { try await Transit($0).decrypt([wrapped], key: name) }).first else {
      throw Fault(
        .failed, operation: "unwrap the key of agent \(id)'s workspace", reason: "the answer is empty",
        remedy: "check the version of the secrets manager")
    }
    return key
  }
}
