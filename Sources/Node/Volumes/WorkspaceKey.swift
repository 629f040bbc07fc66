import AgentModel
import Crypto
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

  /// Whether there is one; what a new one opens holds nothing yet.
  var isKept: Bool { FileManager.default.fileExists(atPath: file) }

  /// A new one, which is worth nothing until it is kept.
  static func random() -> SecretValue { SecretValue(SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }) }

  /// Has a new one wrapped as the agent.
  func wrap(_ key: SecretValue) async throws -> String {
    let name = uid.volumeKeyName
    guard let wrapped = try await sessions.with(id, { try await Transit($0).encrypt([key], key: name) }).first else {
      throw empty("wrap")
    }
    return wrapped
  }

  /// Keeps it, once the workspace has taken it: one whose key was lost takes no other.
  func keep(wrapped: String) throws { try writeAtomically(Data(wrapped.utf8), to: file, mode: 0o600) }

  /// The one that is kept, unwrapped as the agent.
  func value() async throws -> SecretValue {
    let wrapped: String
    do { wrapped = try String(contentsOfFile: file, encoding: .utf8) } catch {
      throw Fault(
        .failed, operation: "read \(file)", reason: "the file cannot be read", remedy: "mend the file system",
        cause: error)
    }
    let name = uid.volumeKeyName
    guard let key = try await sessions.with(id, { try await Transit($0).decrypt([wrapped], key: name) }).first else {
      throw empty("unwrap")
    }
    return key
  }

  private func empty(_ what: String) -> Fault {
    Fault(
      .failed, operation: "\(what) the key of agent \(id)'s workspace", reason: "the answer is empty",
      remedy: "check the version of the secrets manager")
  }
}
