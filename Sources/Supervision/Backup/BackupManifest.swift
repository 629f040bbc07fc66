import APIModel
import AgentModel
import Faults
import Foundation
import Storage

/// What a backup says of itself: the first file in it.
package struct BackupManifest: Hashable, Sendable, Codable {
  static let name = "manifest.json"
  /// Of this form; a form that an older program would misread has a higher number.
  static let currentFormat = 2
  /// What an older program knows too: all but an audit log that was archived from.
  private static let firstFormat = 1
  /// Longest that is read, in bytes: room for some hundred thousand files.
  static let longest = 64 << 20

  /// How the secrets manager's store is in it.
  package enum SecretsManager: String, Hashable, Sendable, Codable {
    /// By OpenBao's own snapshot, taken while it ran.
    case snapshot
    /// By its files, of a platform that was down.
    case files
    /// It is somebody else's, and not in it.
    case external
  }

  /// Where the key is that unseals the secrets manager.
  package enum SealKey: String, Hashable, Sendable, Codable {
    case included
    /// In a file that `up --seal-key` names.
    case elsewhere
    /// People have it, in shares.
    case shares
    /// Of somebody else's secrets manager it is not ours to know.
    case none
  }

  package struct Agent: Hashable, Sendable, Codable {
    package var id: AgentID
    package var uid: AgentUID
    /// Whether its workspace is in the backup.
    package var workspace: Bool
  }

  package struct File: Hashable, Sendable, Codable {
    /// Below the instance's directory.
    package var path: String
    /// Bytes.
    package var size: Int
    /// Hexadecimal.
    package var sha256: String
  }

  package var format = BackupManifest.firstFormat
  /// A UUID, by which the audit log names the backup.
  package var id: String
  /// Of Lobstack.
  package var version: String
  package var createdAt: Date
  package var instance: String
  package var stateDirectory: String
  package var trustDomain: String
  /// The command line of the platform that ran; empty for one that was down.
  package var arguments: [String]
  /// The steps of the store's schema.
  package var schema: [String]
  package var audit: AuditCopyHead
  package var secretsManager: SecretsManager
  package var sealKey: SealKey
  package var agents: [Agent]
  package var files: [File]

  /// The oldest form that its files fit.
  var neededFormat: Int {
    files.contains { $0.path == "control-plane/\(BackupPlace.leaves)" } ? Self.currentFormat : Self.firstFormat
  }

  package var bytes: Int { files.reduce(0) { $0 + $1.size } }
  package var workspaces: Int { agents.count { $0.workspace } }

  /// What is not in it, a sentence each.
  package var gaps: [String] {
    var gaps: [String] = []
    let left = agents.filter { !$0.workspace }
    if !left.isEmpty {
      let names = left.prefix(10).map(\.id.description).joined(separator: ", ") + (left.count > 10 ? ", …" : "")
      gaps.append("the workspaces of \(left.count) agents are not in it, and begin empty after a restore: \(names)")
    }
    switch sealKey {
    case .elsewhere: gaps.append("the seal key is not in it: keep the file that 'up --seal-key' names")
    case .shares: gaps.append("the shares that unseal the secrets manager are not in it: people keep them")
    case .none: gaps.append("the secrets manager is not the platform's, and not in it: back it up by its own means")
    case .included: break
    }
    return gaps
  }
}

// An extension: the other initializer stays.
extension BackupManifest {
  private struct Form: Decodable { var format: Int }

  /// Reads what an archive brought, and believes nothing of it.
  ///
  /// - Throws: `Fault(.unsupported)` for a newer form; `Fault(.invalid)` for what is no manifest, or names a file that no
  ///   backup has.
  package init(parsing bytes: Data, source: String) throws {
    func invalid(_ reason: String) -> Fault { Self.invalid(source, reason) }
    guard let form = try? APIJSON.decode(Form.self, from: bytes) else { throw invalid("its manifest is none") }
    guard form.format <= Self.currentFormat else {
      throw Fault(
        .unsupported, operation: "read \(source)",
        reason:
          "a newer version of lobstack made it: its form is \(form.format), this program knows \(Self.currentFormat)",
        remedy: "restore it with that version or a later one")
    }
    do { self = try APIJSON.decode(BackupManifest.self, from: bytes) } catch {
      throw invalid("its manifest is damaged")
    }
    var seen: Set<String> = []
    for file in files {
      guard BackupPlace(file.path) != nil else { throw invalid("its manifest names '\(file.path.prefix(80))'") }
      guard seen.insert(file.path).inserted else { throw invalid("its manifest names \(file.path) twice") }
      guard file.size >= 0 else { throw invalid("its manifest gives \(file.path) a size below zero") }
    }
    for needed in requiredFiles where !seen.contains(needed) { throw invalid("it has no \(needed)") }
    for agent in agents where agent.workspace {
      for name in BackupPlace.workspaceFiles where !seen.contains("node/agents/\(agent.uid)/\(name)") {
        throw invalid("it has no \(name) of agent \(agent.id)")
      }
    }
  }

  private var requiredFiles: [String] {
    var needed = ["store.key", "login.key", "lobstack.sqlite", "audit/records.log", "audit/checkpoint"]
      .map { "control-plane/\($0)" }
    needed += ["control-plane/audit/key", "control-plane/audit/key.pub", "keys/operator.key"]
    if secretsManager == .snapshot { needed.append(BackupPlace.snapshot) }
    if secretsManager == .files { needed.append("vault/data/vault.db") }
    if sealKey == .included { needed.append("keys/seal.key") }
    return needed
  }

  static func invalid(_ source: String, _ reason: String) -> Fault {
    Fault(
      .invalid, operation: "read \(source)", reason: reason,
      remedy: "name a file that 'lobstack backup' wrote, unchanged; else use an older backup")
  }
}

extension Int {
  /// `12.5 MiB`.
  var inMebibytes: String { String(format: "%.1f MiB", Double(self) / 1_048_576) }
}
