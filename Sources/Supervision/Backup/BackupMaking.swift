import APIClient
import APIModel
import AgentModel
import ChildProcess
import Faults
import Files
import Foundation
import Glibc
import SecretStore
import Storage

/// One backup on its way.
struct BackupMaking: Sendable {
  let platform: Platform
  let isRunning: Bool
  let progress: @Sendable (String) -> Void
  private let id = UUID().uuidString.lowercased()

  init(platform: Platform, isRunning: Bool, progress: @escaping @Sendable (String) -> Void) {
    self.platform = platform
    self.isRunning = isRunning
    self.progress = progress
  }

  private var layout: InstanceLayout { platform.layout }
  /// What is copied lies there for a while, as well guarded as what it is copied from.
  private var workDirectory: String { layout.backupDirectory }
  private var controlPlaneCopy: String { "\(workDirectory)/control-plane" }
  /// Its name below the instance's directory.
  private var work: String { URL(filePath: workDirectory).lastPathComponent }

  func run(to output: String, for recipients: BackupRecipients, withWorkspaces: Bool) async throws -> BackupReport {
    try requireCopyable()
    // Left by one that was cut off.
    try remove(workDirectory)
    defer { try? remove(workDirectory) }  // the next one does it
    // Passed by the control plane's user, who has one directory there for a while.
    try Preparation.makeDirectory(workDirectory, mode: 0o711)
    try Preparation.makeDirectory(
      controlPlaneCopy, mode: 0o700, owner: Account(named: InstanceLayout.User.controlPlane))
    var note = BackupNote(id: id, stage: .begun, recipients: recipients.fingerprints)
    try await record(note)
    let partial = "\(output).new"
    do {
      let manifest = try await gather(withWorkspaces: withWorkspaces)
      note.workspaces = manifest.workspaces
      let made = try await write(manifest, to: partial, for: recipients)
      (note.stage, note.sha256, note.size) = (.made, made.sha256, made.size)
      try await record(note)
      try putInPlace(partial, output)
      return BackupReport(
        id: id, file: output, size: made.size, sha256: made.sha256, recipients: recipients.fingerprints,
        agents: manifest.agents, gaps: manifest.gaps)
    } catch {
      unlink(partial)
      note.stage = .failed
      // The failure is the one to tell; that one was begun and none was made says the same.
      try? await shielded { [note] in try await record(note) }
      throw error
    }
  }

  private func requireCopyable() throws {
    let operation = "back up instance \(layout.instance)"
    if isRunning, platform.waitsForShares {
      throw Fault(
        .unsupported, operation: operation,
        reason: "people's shares unseal its secrets manager, whose snapshot no restore could open without them",
        remedy: "run 'lobstack down' first: then its store is copied as it is")
    }
    let left = isRunning ? [] : InstanceProcesses(layout: layout).platform()
    guard left.isEmpty else {
      throw Fault(
        .conflict, operation: operation, reason: "it has no supervisor, and \(left.count) of its processes run",
        remedy: "run 'lobstack up' or 'lobstack down' first")
    }
  }

  // MARK: The control plane's part

  private func record(_ note: BackupNote) async throws {
    if isRunning {
      _ = try await platform.withClient { try await $0.record(note) }
    } else {
      _ = try await asControlPlane(["--note", String(decoding: try APIJSON.encode(note), as: UTF8.self)])
    }
  }

  /// Runs this program as the control plane's user, in whose directory root reads and writes nothing.
  private func asControlPlane(_ arguments: [String]) async throws -> String {
    let stateDirectory = URL(filePath: layout.root).deletingLastPathComponent().path
    let result = try await Command(
      "setpriv",
      Platform.unprivileged(InstanceLayout.User.controlPlane) + [
        try reachableProgram(), "control-plane-copy", "--state-dir", stateDirectory, "--instance", "\(layout.instance)",
        "-o", "json",
      ] + arguments
    ).run(timeout: .seconds(3600))
    guard result.status != .exited(0) else { return result.standardOutput }
    if let fault = try? APIJSON.decode(Fault.self, from: result.standardError.utf8) { throw fault }
    throw Fault(
      .failed, operation: "copy what the control plane keeps", reason: "its copier \(result.status)",
      remedy: "see: \(result.standardError.suffix(300))")
  }

  /// The instance's copy of this program, or one that lies where that user can go.
  private func reachableProgram() throws -> String {
    let present = platform.configuration.executable
    let copy = "\(workDirectory)/lobstack"
    guard let wanted = FileStatus(following: present) else { return layout.executable }
    for place in [layout.executable, copy] {
      if let found = FileStatus(place), found.size == wanted.size, found.changed == wanted.changed { return place }
    }
    try FileManager.default.copyItem(atPath: present, toPath: copy)
    guard chmod(copy, 0o755) == 0, utimensat(AT_FDCWD, copy, wanted.times, 0) == 0 else { return layout.executable }
    return copy
  }

  // MARK: What is in it

  private func gather(withWorkspaces: Bool) async throws -> BackupManifest {
    let isOwn = VaultAddress.isOwn(layout)
    if isOwn, isRunning {
      progress("taking a snapshot of the secrets manager")
      let snapshot = try await VaultOperator(layout: layout).with { try await $0.snapshot() }
      try write(snapshot, to: "\(workDirectory)/\(BackupPlace.snapshot)")
    }
    progress("copying the store and the audit log")
    let copied = try APIJSON.decode(
      ControlPlaneCopyResult.self, from: try await asControlPlane(["--into", controlPlaneCopy]).utf8)
    // From here on the copies are root's alone.
    try Preparation.makeDirectory(controlPlaneCopy, mode: 0o700)
    let agents = try agents(copied.agents, withWorkspaces: withWorkspaces)
    let sealKey: BackupManifest.SealKey =
      !isOwn ? .none : platform.waitsForShares ? .shares : isUnsealedByOwnKey ? .included : .elsewhere
    return BackupManifest(
      id: id, version: LobstackVersion.current, createdAt: .now, instance: "\(layout.instance)",
      stateDirectory: URL(filePath: layout.root).deletingLastPathComponent().path,
      trustDomain: "\(try VaultOperator(layout: layout).trustDomain)",
      arguments: SupervisorLock.holder(layout).flatMap { isRunning ? InstanceProcesses.arguments($0) : nil } ?? [],
      schema: copied.schema, audit: copied.audit,
      secretsManager: !isOwn ? .external : isRunning ? .snapshot : .files, sealKey: sealKey, agents: agents, files: [])
  }

  /// Not by a key of another file, beside which an old one may lie.
  private var isUnsealedByOwnKey: Bool {
    guard let key = FileManager.default.contents(atPath: layout.vaultSealKey) else { return false }
    // While it runs, what unseals it lies in memory.
    return FileManager.default.contents(atPath: layout.vaultSealCopy).map { $0 == key } ?? true
  }

  /// Those that are not open are whole.
  private func agents(_ agents: [StoreCopy.Agent], withWorkspaces: Bool) throws -> [BackupManifest.Agent] {
    let open = withWorkspaces ? try Leftovers(layout).mounts() : []
    return agents.map { agent in
      let directory = "\(layout.agentsDirectory)/\(agent.uid)"
      let isWhole = BackupPlace.workspaceFiles.allSatisfy { FileStatus("\(directory)/\($0)")?.isRegular == true }
      let isOpen = open.contains("\(directory)/encrypted")
      return BackupManifest.Agent(id: agent.id, uid: agent.uid, workspace: withWorkspaces && isWhole && !isOpen)
    }
  }

  /// Places below the instance's directory: where a file is now, and what the backup calls it.
  private func sources(_ manifest: BackupManifest) throws -> [(source: String, path: String)] {
    func all(_ directory: String) throws -> [String] {
      try regularFiles(below: "\(layout.root)/\(directory)").map { "\(directory)/\($0)" }
    }
    var kept = try all("keys").filter { BackupPlace($0) != nil } + all("policy")
    if manifest.secretsManager == .files { kept += try all("vault/data") + all("vault/audit") }
    for agent in manifest.agents where agent.workspace {
      kept += BackupPlace.workspaceFiles.map { "node/agents/\(agent.uid)/\($0)" }
    }
    var copied = try regularFiles(below: controlPlaneCopy).map { "control-plane/\($0)" }
    if manifest.secretsManager == .snapshot { copied.append(BackupPlace.snapshot) }
    return copied.map { ("\(work)/\($0)", $0) } + kept.map { ($0, $0) }
  }

  // MARK: Writing it

  private func write(
    _ described: BackupManifest, to partial: String, for recipients: BackupRecipients
  ) async throws -> (sha256: String, size: Int) {
    var manifest = described
    let sources = try sources(manifest)
    var stamps: [(path: String, stamp: FileStamp)] = []
    progress("reading \(sources.count) files")
    for (source, path) in sources {
      try Task.checkCancellation()
      guard BackupPlace(path) != nil else {
        throw Fault(
          .invalid, operation: "back up \(layout.root)/\(source)", reason: "no backup has a file of that name",
          remedy: "remove it, or rename it")
      }
      let found = try digest(of: "\(layout.root)/\(source)")
      stamps.append(("\(layout.root)/\(source)", found.stamp))
      manifest.files.append(BackupManifest.File(path: path, size: found.size, sha256: found.sha256))
    }
    manifest.format = manifest.neededFormat
    try write(try APIJSON.encode(manifest), to: "\(workDirectory)/\(BackupManifest.name)")
    try write(Array(recipients.text.utf8), to: "\(workDirectory)/recipients")
    let list = (["\(work)/\(BackupManifest.name)"] + sources.map(\.source)).map { $0 + "\0" }.joined()
    try write(Array(list.utf8), to: "\(workDirectory)/files")

    progress("encrypting \(manifest.bytes.inMebibytes) into \(partial.dropLast(".new".count))")
    unlink(partial)
    let output = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard output >= 0 else { throw unwritten(partial) }
    defer { close(output) }
    let (layout, work, workDirectory) = (layout, work, workDirectory)
    try await firstOf(
      { try await tellGrowth(of: partial) },
      {
        try await BackupArchive.pack(
          list: "\(workDirectory)/files", root: layout.root, dropping: work, for: "\(workDirectory)/recipients",
          to: output)
      })
    guard fchmod(output, 0o600) == 0, fsync(output) == 0 else { throw unwritten(partial) }
    for (path, stamp) in stamps where FileStatus(path).map(FileStamp.init) != stamp {
      throw Fault(
        .conflict, operation: "back up \(path)", reason: "the file changed while it was read",
        remedy: "run 'lobstack backup' again; leave policy, keys and agents as they are meanwhile")
    }
    let made = try digest(of: partial)
    return (made.sha256, made.size)
  }

  private func tellGrowth(of path: String) async throws {
    while true {
      try await Task.sleep(for: .seconds(5))
      if let status = FileStatus(path) { progress("\(status.size.inMebibytes) written") }
    }
  }

  private func putInPlace(_ partial: String, _ output: String) throws {
    guard rename(partial, output) == 0 else { throw unwritten(output) }
    let directory = open(URL(filePath: output).deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { if directory >= 0 { close(directory) } }
    guard directory >= 0, fsync(directory) == 0 else { throw unwritten(output) }
  }

  private func write(_ bytes: [UInt8], to path: String) throws {
    try writeAtomically(Data(bytes), to: path, mode: 0o600)
  }

  private func remove(_ path: String) throws {
    if FileStatus(path) != nil { try FileManager.default.removeItem(atPath: path) }
  }

  private func unwritten(_ path: String) -> Fault {
    Fault(
      .exhausted, operation: "write \(path)", reason: String(cString: strerror(errno)),
      remedy: "free disk space, or name a file in a directory that is there")
  }
}

/// What `lobstack control-plane-copy` prints.
private struct ControlPlaneCopyResult: Decodable {
  var schema: [String]
  var agents: [StoreCopy.Agent]
  var audit: AuditCopyHead
}
