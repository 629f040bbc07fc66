import AgentModel
import Faults
import Files
import Foundation
import Glibc
import KernelFiles

/// Makes an instance's directories, its copy of the program and its copy of the policy. Done again, it mends them.
struct Preparation: Sendable {
  let layout: InstanceLayout
  /// The program to copy.
  let executable: String
  let policy: PolicySource

  /// Longest path that a Unix socket can have (unix(7): 108 bytes with the final NUL).
  static let longestSocketPath = 107

  /// What has to be there before the lock can be taken.
  ///
  /// - Throws: `Fault(.invalid)` for a state directory that is too deep, or that uid lobstack cannot pass.
  static func makeLockDirectory(_ layout: InstanceLayout) throws {
    let longest =
      [
        layout.apiSocket, layout.nodeSocket, layout.meshSocket, layout.workloadSocket, layout.proxyAdminSocket,
        layout.ingressSocket, layout.gatewayAdminSocket, layout.vaultSocket,
      ].map(\.utf8.count).max() ?? 0
    guard longest <= longestSocketPath else {
      throw Fault(
        .invalid, operation: "use \(layout.root)",
        reason: "its sockets would have paths of \(longest) bytes, more than \(longestSocketPath)",
        remedy: "choose a shorter --state-dir")
    }
    try makeDirectory(layout.root, mode: 0o755)
    try makeDirectory(layout.runDirectory, mode: 0o755)
    try requireTraversable(layout.root)
  }

  func run() async throws {
    let controlPlane = try Account(named: InstanceLayout.User.controlPlane)
    try Self.makeDirectory(layout.apiDirectory, mode: 0o755, owner: controlPlane)
    try Self.makeDirectory(layout.controlPlaneDirectory, mode: 0o700, owner: controlPlane)
    try Self.makeDirectory(layout.nodeDirectory, mode: 0o700)
    try Self.makeDirectory(layout.agentsDirectory, mode: 0o700)
    // Passed by the users of gateway and control plane, who have one file each there.
    try Self.makeDirectory(layout.logDirectory, mode: 0o751)
    try copyExecutable()
    try policy.copy(to: layout)
    try await MemoryDirectories(layout: layout).mount()
    try Self.makeDirectory(layout.nodeMemoryDirectory, mode: 0o700)
    try prepareSecretsManager(controlPlane)
    try prepareProxies(controlPlane)
    try raiseWatchLimit()
  }

  /// Who may read and write what the proxies live on: each owner alone, and where two meet, a directory for that.
  private func prepareProxies(_ controlPlane: Account) throws {
    let sentinel = try Account(named: InstanceLayout.User.sentinel)
    let gateway = Account(user: layout.gatewayUserID, group: layout.gatewayUserID)
    let proxy = Account(user: layout.proxyUserID, group: layout.proxyUserID)
    // What is made in a directory with the bit for it belongs to the directory's group.
    let places: [(path: String, mode: mode_t, owner: Account)] = [
      (layout.proxyFiles, 0o750, Account(user: 0, group: proxy.group)),
      (directory(layout.proxyAdminSocket), 0o700, proxy),
      (directory(layout.ingressSocket), 0o2750, Account(user: proxy.user, group: gateway.group)),
      (directory(layout.proxyDenials), 0o2750, Account(user: proxy.user, group: sentinel.group)),
      (directory(layout.identityKeysFile), 0o700, .root),
      (directory(layout.resolverTable), 0o750, Account(user: 0, group: sentinel.group)),
      (directory(layout.meshSocket), 0o2750, Account(user: controlPlane.user, group: layout.meshGroupID)),
      (layout.gatewayFiles, 0o2750, Account(user: controlPlane.user, group: gateway.group)),
      (directory(layout.gatewayAdminSocket), 0o2750, Account(user: gateway.user, group: controlPlane.group)),
    ]
    for place in places { try Self.makeDirectory(place.path, mode: place.mode, owner: place.owner) }
    try makeLog(layout.gatewayLog, writer: gateway)
    try makeLog(layout.alertLog, writer: controlPlane)
  }

  /// In a directory of root's, where the writer could make none.
  private func makeLog(_ path: String, writer: Account) throws {
    let log = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
    defer { if log >= 0 { close(log) } }
    guard log >= 0, fchown(log, writer.user, 0) == 0 else { throw Self.fault("create \(path)") }
  }

  private func prepareSecretsManager(_ controlPlane: Account) throws {
    let vault = Account(user: layout.vaultUserID, group: layout.vaultUserID)
    let shared = Account(user: vault.user, group: controlPlane.group)
    let places: [(path: String, mode: mode_t, owner: Account)] = [
      (layout.keysDirectory, 0o700, .root), (layout.vaultDirectory, 0o700, vault),
      (layout.vaultDataDirectory, 0o700, vault), (directory(layout.vaultAudit), 0o700, vault),
      (layout.vaultRunDirectory, 0o755, .root), (directory(layout.vaultSocket), 0o2750, shared),
      (directory(layout.vaultRecentAudit), 0o2750, shared),
      // Each agent has one directory of its own there.
      (layout.agentSecretsDirectory, 0o711, .root),
    ]
    for place in places { try Self.makeDirectory(place.path, mode: place.mode, owner: place.owner) }
  }

  private func directory(_ file: String) -> String { URL(filePath: file).deletingLastPathComponent().path }

  /// Envoy has an inotify instance for each file that it watches, and ends itself when its user has no more of them.
  private func raiseWatchLimit() throws {
    let path = "/proc/sys/fs/inotify/max_user_instances"
    let present = Int(try kernelFile(path).trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    guard present < Self.watchLimit else { return }
    guard let file = FileHandle(forWritingAtPath: path) else { throw Self.fault("open \(path)") }
    defer { try? file.close() }  // what was written is in force already
    try file.write(contentsOf: Data("\(Self.watchLimit)\n".utf8))
  }

  /// Files that the proxies of one user may watch.
  static let watchLimit = 1024

  /// Copies the program unless the copy is the same, by size and time of change.
  private func copyExecutable() throws {
    let target = layout.executable
    guard executable != target else { return }
    try Self.makeDirectory("\(layout.root)/bin", mode: 0o755)
    guard let source = FileStatus(following: executable) else { throw Self.fault("read \(executable)") }
    if let present = FileStatus(following: target), present.owner == 0, present.size == source.size,
      present.changed == source.changed
    {
      return
    }
    let partial = target + ".new"
    do {
      if FileManager.default.fileExists(atPath: partial) { try FileManager.default.removeItem(atPath: partial) }
      try FileManager.default.copyItem(atPath: executable, toPath: partial)
    } catch {
      throw Fault(
        .exhausted, operation: "copy \(executable) to \(target)", reason: "the copy failed",
        remedy: "free disk space", cause: error)
    }
    guard chown(partial, 0, 0) == 0, chmod(partial, 0o755) == 0, utimensat(AT_FDCWD, partial, source.times, 0) == 0,
      rename(partial, target) == 0
    else { throw Self.fault("install \(target)") }
  }

  /// Makes the directory and what is missing above it, and gives it exactly this owner and mode.
  static func makeDirectory(_ path: String, mode: mode_t, owner: Account = .root) throws {
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    } catch {
      throw Fault(
        .failed, operation: "create \(path)", reason: "the directory cannot be made",
        remedy: "run as root, free disk space or choose another --state-dir", cause: error)
    }
    guard chown(path, owner.user, owner.group) == 0, chmod(path, mode) == 0 else { throw fault("prepare \(path)") }
  }

  /// The control plane runs as its own user and has to reach its directories.
  static func requireTraversable(_ path: String, by user: String = InstanceLayout.User.controlPlane) throws {
    var directory = URL(filePath: path)
    while directory.path != "/" {
      guard let status = FileStatus(following: directory.path) else { throw fault("read \(directory.path)") }
      guard status.mode & 0o001 != 0 else {
        throw Fault(
          .invalid, operation: "use \(path)",
          reason: "user \(user) may not pass through \(directory.path)",
          remedy: "run 'chmod o+x \(directory.path)' or choose another --state-dir")
      }
      directory.deleteLastPathComponent()
    }
  }

  private static func fault(_ operation: String) -> Fault {
    Fault(
      .failed, operation: operation, reason: String(cString: strerror(errno)),
      remedy: "run as root, or mend the state directory")
  }
}
