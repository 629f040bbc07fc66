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
    let transit = Transit(try await sessions.vault(of: id))
    guard let data = FileManager.default.contents(atPath: file) else {
      let (key, wrapped) = try await transit.dataKey(uid.volumeKeyName)
      try writeAtomically(Data(wrapped.utf8), to: file, mode: 0o600)
      return key
    }
    let wrapped = String(decoding: data, as: UTF8.self)
    guard let key = try await transit.decrypt([wrapped], key: uid.volumeKeyName).first else {
      throw Fault(
        .failed, operation: "unwrap the key of agent \(id)'s workspace", reason: "the answer is empty",
        remedy: "check the version of the secrets manager")
    }
    return key
  }

  /// Wraps it by the newest version of its Transit key.
  ///
  /// - Returns: whether it was wrapped by an older one.
  func rewrap() async throws -> Bool {
    guard let data = FileManager.default.contents(atPath: file) else { return false }
    let old = String(decoding: data, as: UTF8.self)
    let new = try await Transit(try await sessions.vault(of: id)).rewrap([old], key: uid.volumeKeyName)
    guard let wrapped = new.first, wrapped.split(separator: ":")[1] != old.split(separator: ":")[1] else {
      return false
    }
    try writeAtomically(Data(wrapped.utf8), to: file, mode: 0o600)
    return true
  }
}
