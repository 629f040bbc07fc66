import CLinux
import ChildProcess
import Faults
import Foundation
import Glibc
import Synchronization

/// A running program that ends by itself when its standard input, the lifeline, reaches its end.
///
/// The kernel closes the lifeline when this process dies, however it dies; so no child outlives its supervisor for long.
/// The program gets a session of its own: a Ctrl-C at the terminal is for the supervisor, which stops its children in
/// order.
final class Child: Sendable {
  struct Program: Sendable {
    /// Whether the program watches its lifeline; one of somebody else's is told to end by SIGTERM.
    var watchesLifeline = true
    var executable: String
    var arguments: [String]
    var environment: [String: String]
    /// Standard output and error are appended to it.
    var logFile: String
  }

  let process: pid_t
  private let lifeline: Mutex<Int32?>
  private let state = Mutex(State())

  private struct State {
    var status: ExitStatus?
    var waiting: [CheckedContinuation<ExitStatus, Never>] = []
  }

  /// - Throws: `Fault(.failed)` when the program cannot be started.
  static func start(_ program: Program) throws -> Child {
    let operation = "start \(program.executable)"
    var ends: [Int32] = [-1, -1]
    guard lobstack_pipe(&ends) == 0 else { throw fault(errno, operation) }
    defer { close(ends[0]) }
    let log = open(program.logFile, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
    guard log >= 0 else {
      let code = errno
      close(ends[1])
      throw fault(code, "open \(program.logFile)")
    }
    defer { close(log) }
    var process: pid_t = 0
    let code = spawn(program, input: ends[0], output: log, into: &process)
    guard code == 0 else {
      close(ends[1])
      throw fault(code, operation)
    }
    guard program.watchesLifeline else {
      close(ends[1])
      return Child(process: process, lifeline: nil)
    }
    return Child(process: process, lifeline: ends[1])
  }

  /// Starts a program that outlives this process: its standard input is empty instead of a lifeline.
  static func startDetached(_ program: Program) throws -> Child {
    let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
    let log = open(program.logFile, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
    defer {
      close(null)
      close(log)
    }
    guard null >= 0, log >= 0 else { throw fault(errno, "open \(program.logFile)") }
    var process: pid_t = 0
    let code = spawn(program, input: null, output: log, into: &process)
    guard code == 0 else { throw fault(code, "start \(program.executable)") }
    return Child(process: process, lifeline: nil)
  }

  private init(process: pid_t, lifeline: Int32?) {
    self.process = process
    self.lifeline = Mutex(lifeline)
    // waitpid blocks for the child's whole life, so it has a thread of its own.
    let thread = Thread { [self] in
      var status: Int32 = 0
      while waitpid(process, &status, 0) < 0 && errno == EINTR {}
      let signal = status & 0x7f
      ended(signal == 0 ? .exited((status >> 8) & 0xff) : .signalled(signal))
    }
    thread.stackSize = 128 << 10
    thread.name = "wait for \(process)"
    thread.start()
  }

  deinit { closeLifeline() }

  var status: ExitStatus? { state.withLock { $0.status } }

  /// Returns when the program has ended.
  func exit() async -> ExitStatus {
    await withCheckedContinuation { continuation in
      let known = state.withLock { state -> ExitStatus? in
        if state.status == nil { state.waiting.append(continuation) }
        return state.status
      }
      if let known { continuation.resume(returning: known) }
    }
  }

  /// Asks the program to end: by its lifeline, after `grace` by SIGTERM, at last by SIGKILL.
  func stop(grace: Duration) async {
    if !closeLifeline() { signal(SIGTERM) }
    if await hasEnded(within: grace) { return }
    signal(SIGTERM)
    if await hasEnded(within: .seconds(3)) { return }
    signal(SIGKILL)
    _ = await exit()
  }

  private func hasEnded(within limit: Duration) async -> Bool {
    let deadline = ContinuousClock.now + limit
    while status == nil, ContinuousClock.now < deadline {
      // A cancelled caller has no time left to wait, and the next rung of the ladder is due.
      do { try await Task.sleep(for: .milliseconds(20)) } catch { break }
    }
    return status != nil
  }

  /// A process id stays ours until `waitpid` has returned, so a signal cannot reach a stranger.
  private func signal(_ number: Int32) {
    state.withLock { state in
      if state.status == nil { _ = kill(process, number) }
    }
  }

  /// - Returns: whether there was one.
  @discardableResult
  private func closeLifeline() -> Bool {
    lifeline.withLock { descriptor in
      defer { descriptor = nil }
      return descriptor.map { close($0) } != nil
    }
  }

  private func ended(_ status: ExitStatus) {
    let waiting = state.withLock { state in
      state.status = status
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume(returning: status) }
  }

  private static func fault(_ code: Int32, _ operation: String) -> Fault {
    Fault(
      .failed, operation: operation, reason: String(cString: strerror(code)),
      remedy: "check the limits of the machine and the file's mode")
  }
}

/// posix_spawn(3) in a new session, with default signals.
///
/// - Returns: 0, or the error number.
func spawn(_ program: Child.Program, input: Int32, output: Int32, into process: inout pid_t) -> Int32 {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  for (from, to) in [(input, 0), (output, 1), (output, 2)] as [(Int32, Int32)] {
    posix_spawn_file_actions_adddup2(&actions, from, to)
  }
  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  // What the supervisor ignores or blocks would be inherited over exec.
  var all = sigset_t()
  sigfillset(&all)
  var none = sigset_t()
  sigemptyset(&none)
  posix_spawnattr_setsigdefault(&attributes, &all)
  posix_spawnattr_setsigmask(&attributes, &none)
  let newSession: Int32 = 0x80  // POSIX_SPAWN_SETSID, which <spawn.h> shows only to _GNU_SOURCE
  posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | Int32(newSession)))

  var arguments: [UnsafeMutablePointer<CChar>?] = ([program.executable] + program.arguments).map { strdup($0) }
  var environment: [UnsafeMutablePointer<CChar>?] = program.environment.sorted { $0.key < $1.key }
    .map { strdup("\($0.key)=\($0.value)") }
  defer { for pointer in arguments + environment { free(pointer) } }
  arguments.append(nil)
  environment.append(nil)
  return posix_spawn(&process, program.executable, &actions, &attributes, arguments, environment)
}
