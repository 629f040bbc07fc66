import AgentModel
import ChildProcess
import Faults
import Foundation
import Glibc
import KernelFiles
import TextEncodings

/// A workspace that is encrypted where it is kept: gocryptfs over a volume of fixed size. Contents are AES-256-GCM,
/// names AES-256-EME (gocryptfs(1), "Cryptography"); sizes, times and the shape of the tree show.
///
/// A daemon of gocryptfs's own serves the open volume, outlives this process, and ends when the volume is closed.
struct EncryptedVolume: Sendable {
  /// What is on the disk.
  let store: LoopVolume
  /// Where it is open.
  let mountPoint: String
  /// gocryptfs's own file, which is worth nothing without the key. Not in the store: whoever could change it there could
  /// change how names are kept.
  let configuration: String
  let log: String

  /// One processor and an early garbage collection keep an idle daemon at three MiB and a busy one below twenty, at the
  /// same speed; a limit below what it needs would make it crawl (measured with gocryptfs 2.3).
  private static let environment = [
    "PATH": "/usr/bin:/bin", "GOMAXPROCS": "1", "GOGC": "50", "GOMEMLIMIT": "32MiB",
  ]

  /// Opens the volume; makes it when it is not there.
  ///
  /// - Parameters:
  ///   - isNew: whether the key is a new one, which opens nothing that is there. The volume is the key's only once
  ///     `keep()` was called.
  ///   - key: 32 bytes; asked for only when they are needed, and while what is on the disk is made ready.
  /// - Throws: `Fault(.denied)` for another key than the one it was made with; `Fault(.conflict)` when it holds files and
  ///   their key or gocryptfs's file is gone; `Fault` of what failed.
  func mount(size: ByteSize, isNew: Bool = false, key: @Sendable () async throws -> SecretValue) async throws {
    // The key was kept, and then the node was cut off.
    if !isNew, !isConfigured, FileManager.default.fileExists(atPath: fresh) { try keep() }
    if try isMounted {
      // What is open with a key that was not kept is of a first start that was cut off.
      if !isNew, await answers { return }
      // Its daemon is dead: nobody who has files open there sees another one.
      try await unmount()
    }
    let isUnmade = isNew || !isConfigured
    async let stored: Void = { try await store.mount(size: size) }()
    let password = Hexadecimal.encode(try await key().bytes)
    let input = Array("\(password)\n".utf8)
    if isNew { try await initialise(input) }
    try await stored
    if isUnmade {
      try requireEmpty()
      if !isNew { try await initialise(input) }
      try fill()
    }
    try makePrivateDirectory(mountPoint)
    let status = try await gocryptfs(
      ["-nosyslog", "-allow_other", "-config", isUnmade ? fresh : configuration, store.mountPoint, mountPoint], input)
    guard status == .exited(0) else { throw failure("open the workspace", status) }
    if isUnmade, !isNew { try keep() }
  }

  /// Says that the new key is kept: from now on the volume is opened with it, or not at all.
  func keep() throws {
    guard rename(fresh, configuration) == 0 else { throw written(configuration) }
  }

  /// Closes the volume, after which nothing of the key is left in memory; done when it is not open.
  func unmount() async throws {
    if try isMounted {
      let end = try await Command("umount", [mountPoint]).run(timeout: .seconds(10))
      // Busy on the host, which only somebody's shell can be: its last user closes it.
      if end.status != .exited(0) { try await Command("umount", ["--lazy", mountPoint]).check() }
    }
    await endDaemon()
    try await store.unmount()
  }

  /// Whether it is open, and answers.
  var isOpen: Bool {
    get async throws {
      guard try isMounted else { return false }
      return await answers
    }
  }

  // MARK: gocryptfs

  /// gocryptfs's file, as long as its key is not kept.
  private var fresh: String { "\(configuration).new" }
  /// Where gocryptfs makes its files while the volume is not there yet.
  private var cradle: String { "\(configuration).d" }
  private static let directoryIV = "gocryptfs.diriv"

  private func initialise(_ input: [UInt8]) async throws {
    // Left by a first start that was cut off.
    unlink(fresh)
    try removeCradle()
    try makePrivateDirectory(cradle)
    let status = try await gocryptfs(["-init", "-scryptn", "10", "-config", fresh, cradle], input)
    guard status == .exited(0) else { throw failure("make the workspace", status) }
  }

  private var isConfigured: Bool { FileManager.default.fileExists(atPath: configuration) }

  private func requireEmpty() throws {
    let found = try FileManager.default.contentsOfDirectory(atPath: store.mountPoint)
    guard found.allSatisfy({ [Self.directoryIV, "lost+found"].contains($0) }) else {
      // Made by the new key, it must not be taken for the one that is gone.
      unlink(fresh)
      throw Fault(
        .conflict, operation: "open the workspace at \(store.image)",
        reason: "it holds files, and its key or \(configuration) is gone",
        remedy: "restore that file or workspace.key beside it, or delete the agent")
    }
  }

  /// Gives the empty volume what gocryptfs made.
  private func fill() throws {
    let target = "\(store.mountPoint)/\(Self.directoryIV)"
    // Left by a first start that was cut off before anything could be written.
    unlink(target)
    try FileManager.default.copyItem(atPath: "\(cradle)/\(Self.directoryIV)", toPath: target)
    try removeCradle()
    // gocryptfs gives the root of what is open the owner of the root of what is kept.
    guard chown(store.mountPoint, store.owner, store.owner) == 0, chmod(store.mountPoint, 0o700) == 0 else {
      throw written(store.mountPoint)
    }
  }

  private func removeCradle() throws {
    guard FileManager.default.fileExists(atPath: cradle) else { return }
    try FileManager.default.removeItem(atPath: cradle)
  }

  private func written(_ path: String) -> Fault {
    Fault(
      .failed, operation: "make the workspace at \(store.image)",
      reason: "\(path): \(String(cString: strerror(errno)))", remedy: "free disk space or mend the file system")
  }

  /// Its output goes to a file: the daemon holds it for as long as it lives, and a pipe would never end.
  private func gocryptfs(_ arguments: [String], _ input: [UInt8]) async throws -> ExitStatus {
    unlink(log)
    return try await Command("gocryptfs", ["-q"] + arguments, environment: Self.environment)
      .run(input: input, appendingTo: log, timeout: .seconds(30))
  }

  private func failure(_ operation: String, _ status: ExitStatus) -> Fault {
    let said = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
    let lines = said.split(separator: "\n").suffix(2).joined(separator: "; ").prefix(300)
    let wrongKey = status == .exited(12)
    return Fault(
      wrongKey ? .denied : .failed, operation: "\(operation) at \(store.image)",
      reason: wrongKey ? "it was made with another key" : "gocryptfs \(status): \(lines)",
      remedy: wrongKey
        ? "restore the agent's directory and the secrets manager from the same time, or delete the agent"
        : "run 'lobstack doctor', and start the agent again")
  }

  // MARK: What is there

  private var isMounted: Bool {
    get throws { try mountTable().contains { $0.target == mountPoint && $0.type == "fuse.gocryptfs" } }
  }

  /// Asked on a thread of its own: a daemon that hangs must not hold up whoever asks.
  private var answers: Bool {
    get async {
      let (answers, answer) = AsyncStream.makeStream(of: Bool.self)
      let path = mountPoint
      let thread = Thread {
        var status = statvfs()
        answer.yield(statvfs(path, &status) == 0)
        answer.finish()
      }
      thread.stackSize = 64 << 10
      thread.start()
      let timeout = Task {
        // Cancelled: it answered.
        do { try await Task.sleep(for: .seconds(2)) } catch { return }
        answer.yield(false)
        answer.finish()
      }
      defer { timeout.cancel() }
      for await result in answers { return result }
      return false
    }
  }

  /// Waits until the daemon has ended, and ends it when it does not.
  private func endDaemon() async {
    let deadline = ContinuousClock.now + .seconds(3)
    // No new one comes: who makes one mounts the volume.
    var left = daemons
    while !left.isEmpty {
      if ContinuousClock.now > deadline { for process in left { kill(process, SIGKILL) } }
      // A cancelled caller has no time left; the daemon ends without it.
      do { try await Task.sleep(for: .milliseconds(2)) } catch { return }
      left = left.filter(isDaemon)
    }
  }

  private var daemons: [pid_t] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { pid_t($0) }.filter(isDaemon)
  }

  /// Asked by its arguments each time: the number of one that has ended may be another process's by now.
  private func isDaemon(_ process: pid_t) -> Bool {
    // A process that has just ended has no arguments any more.
    let arguments = ((try? kernelFile("/proc/\(process)/cmdline")) ?? "").split(separator: "\0")
    return arguments.first?.hasSuffix("gocryptfs") == true && arguments.last == mountPoint[...]
  }
}
