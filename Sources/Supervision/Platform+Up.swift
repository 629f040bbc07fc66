import AgentModel
import ChildProcess
import Faults
import Files
import Foundation
import Glibc
import Logging
import UnixSignals

extension Platform {
  package enum Outcome: Sendable, Hashable {
    /// The platform was brought up; it is down again when `up` has returned this.
    case ended
    /// Another supervisor runs this instance, and it is well.
    case alreadyRunning(supervisor: Int32)
  }

  /// Brings the platform up, keeps it up until SIGTERM or SIGINT, and stops its processes in order.
  ///
  /// The agents are not touched by that: they run on, and the next `up` adopts them.
  ///
  /// - Parameters:
  ///   - progress: told each step, one line.
  ///   - ready: called once, when the API answers.
  /// - Returns: how it ended.
  /// - Throws: `Fault` naming what the machine lacks, or which process does not come up; all are stopped then.
  package func up(
    progress: @escaping @Sendable (String) -> Void, ready: @escaping @Sendable ([ProcessState]) async -> Void
  ) async throws -> Outcome {
    try requireRoot("start the platform")
    try Preparation.makeLockDirectory(layout)
    guard FileStatus(layout.restoreDirectory) == nil else {
      throw Fault(
        .conflict, operation: "start the platform",
        reason: "a restore into \(layout.root) is under way, or was cut off",
        remedy: "wait for it, or run 'lobstack restore' again; 'lobstack down --purge' removes what there is of it")
    }
    guard let lock = try SupervisorLock.take(layout) else { return try await joinRunning() }
    defer { withExtendedLifetime(lock) {} }
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)

    progress("checking the machine")
    let policy = try PolicySource.find(given: configuration.policy, executable: configuration.executable)
    try await Doctor(configuration).requireUsable()
    try await endFormerProcesses(progress: progress)
    progress("preparing \(layout.root)")
    try await Preparation(layout: layout, executable: configuration.executable, policy: policy).run()
    Self.setLimits()
    let programs = Programs(
      envoy: try PinnedProgram.envoy.locate(configuration.envoy),
      openBao: try PinnedProgram.openBao.locate(configuration.openBao))
    try requireFreePorts()
    try prepareSecretsManager()
    try preparePublicAuthorities()
    try writeBootstraps()
    try await requireRunnableCopy()
    try await supervise(programs, until: signals, progress: progress, ready: ready)
    return .ended
  }

  /// What children inherit: a proxy has two files for each connection, and a core would hold keys.
  static func setLimits() {
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    _ = setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, openFiles))
    // What is not granted shows as refused connections under a load that few machines see.
    _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  private static let openFiles: rlim_t = 65_536

  /// The processes of a supervisor that died are told by their lifelines to end; nothing starts beside them.
  private func endFormerProcesses(progress: @Sendable (String) -> Void) async throws {
    let processes = InstanceProcesses(layout: layout)
    let deadline = ContinuousClock.now + .seconds(15)
    var told = false
    while case let former = processes.platform(), !former.isEmpty {
      if !told { progress("waiting for \(former.count) former processes to end") }
      if !told { for found in former where found.needsSignal { kill(found.process, SIGTERM) } }
      told = true
      if ContinuousClock.now > deadline { for found in former { kill(found.process, SIGKILL) } }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  private func joinRunning() async throws -> Outcome {
    let deadline = ContinuousClock.now + Self.readinessLimit
    // Who has just taken the lock has not yet written who he is.
    while FileLock.note(ofHolderOf: layout.lockFile) != nil, ContinuousClock.now < deadline {
      if let holder = SupervisorLock.holder(layout), await isReady { return .alreadyRunning(supervisor: holder) }
      try await Task.sleep(for: .milliseconds(200))
    }
    let holder = SupervisorLock.holder(layout)
    throw Fault(
      .unavailable, operation: "start the platform",
      reason: holder.map {
        "process \($0) supervises instance \(layout.instance), but its API at \(layout.apiSocket) does not become ready"
      } ?? "another process was starting, restoring or backing up instance \(layout.instance), and has ended",
      remedy: holder == nil ? "try again" : "read \(layout.logDirectory), or run 'lobstack down'")
  }

  /// Shared libraries that only root may read would otherwise show as a process that ends again and again.
  private func requireRunnableCopy() async throws {
    do {
      try await Command(
        "setpriv", Self.unprivileged(InstanceLayout.User.controlPlane) + [layout.executable, "version"]
      ).check()
    } catch {
      throw Fault(
        .failed, operation: "run \(layout.executable) as user \(InstanceLayout.User.controlPlane)",
        reason: "the program does not run as that user",
        remedy: "make the Swift libraries readable for everyone, or use a build with --static-swift-stdlib",
        cause: error)
    }
  }

  /// - Parameters:
  ///   - group: one more that the process is in.
  ///   - bindsLowPorts: whether it keeps the one right, to listen below port 1024.
  static func unprivileged(_ user: String, group: UInt32? = nil, bindsLowPorts: Bool = false) -> [String] {
    let rights = bindsLowPorts ? "-all,+net_bind_service" : "-all"
    return [
      "--reuid=\(user)", "--regid=\(user)", group.map { "--groups=\($0)" } ?? "--clear-groups", "--no-new-privs",
      "--bounding-set=\(rights)", "--inh-caps=\(rights)",
    ] + (bindsLowPorts ? ["--ambient-caps=\(rights)"] : [])
  }
}
