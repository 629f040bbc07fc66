import AgentModel
import ChildProcess
import Faults
import Files
import Foundation
import Glibc

/// What the node keeps on disk of one agent, so that a restarted node knows what it finds.
struct AgentRecord: Codable, Sendable, Hashable {
  var id: AgentID
  var uid: AgentUID
  /// The agent's place in the address plan.
  var slot: Int
  /// The generation that the sandbox was made for.
  var generation: Int64?
  var imageDigest: String?
  /// Process id of the running sandbox.
  var sandboxProcess: Int32?
  var startedAt: Date?
  /// The program of this generation ended, and by its restart policy does not run again.
  var completedGeneration: Int64?
  /// A launch of this generation failed, and why: only a change starts the agent again.
  var failedGeneration: Int64?
  var fault: Fault?
  var restarts = 0
  var lastExit: AgentExit?
  /// How the run before this one ended, in words.
  var lastTermination: String?
  var standingResponse: StandingResponse?
}

/// One agent's directory: its record, and the volumes of its workspace and its log.
struct AgentFiles: Sendable {
  let uid: AgentUID
  let directory: String
  /// What its sandbox is made from, in memory.
  let bundleDirectory: String
  private let logKeyName: String

  init(layout: InstanceLayout, uid: AgentUID) {
    self.uid = uid
    bundleDirectory = "\(layout.bundlesDirectory)/\(uid)"
    directory = "\(layout.agentsDirectory)/\(uid)"
    logKeyName = layout.logKeyName(uid)
  }

  var recordFile: String { "\(directory)/agent.json" }
  var volume: EncryptedVolume {
    EncryptedVolume(
      store: LoopVolume(
        image: "\(directory)/workspace.img", mountPoint: "\(directory)/encrypted", owner: InstanceLayout.agentUserID,
        hasJournal: true),
      mountPoint: "\(directory)/workspace", configuration: "\(directory)/gocryptfs.conf",
      log: "\(directory)/gocryptfs.log")
  }
  /// The wrapped key of the workspace.
  var workspaceKeyFile: String { "\(directory)/workspace.key" }
  /// What an agent prints goes to the host past every limit of its sandbox, so it gets a file system of its own.
  var log: EncryptedLog {
    EncryptedLog(image: "\(directory)/log.img", mountPoint: "\(directory)/log", keyName: logKeyName)
  }

  var exist: Bool { FileManager.default.fileExists(atPath: directory) }

  func prepare() throws {
    for path in [directory, bundleDirectory] { try makePrivateDirectory(path) }
  }

  func write(_ record: AgentRecord) throws { try writeAtomically(record, to: recordFile) }

  /// - Returns: `nil` when the agent has no readable record: then nothing in the kernel is known to be its.
  func readRecord() -> AgentRecord? {
    guard let data = FileManager.default.contents(atPath: recordFile) else { return nil }
    // A record that does not decode is as good as none: the agent's objects are then reclaimed as leftovers.
    return try? JSONDecoder().decode(AgentRecord.self, from: data)
  }

  func unmount() async throws {
    try await volume.unmount()
    try await log.unmount()
  }

  /// Unmounts the volumes and removes everything.
  func destroy() async throws {
    try await volume.unmount()
    try await log.forget()
    for path in [bundleDirectory, directory] where FileManager.default.fileExists(atPath: path) {
      do {
        try FileManager.default.removeItem(atPath: path)
      } catch {
        throw Fault(
          .failed, operation: "remove \(path)", reason: "some file cannot be removed",
          remedy: "remove the directory by hand", cause: error)
      }
    }
  }
}

/// Writes `value` as JSON so that a crash leaves the old file or the new one, never a part.
func writeAtomically(_ value: some Encodable, to path: String, mode: mode_t = 0o600) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  try writeAtomically(try encoder.encode(value), to: path, mode: mode)
}
