import CLinux
import Faults
import Foundation
import Glibc
import KernelFiles
import Synchronization

/// How a child ended, as waitid(2) tells it.
package struct RawExit: Sendable, Hashable {
  /// `CLD_EXITED`, `CLD_KILLED` or `CLD_DUMPED`.
  package var code: Int32
  package var status: Int32

  /// The exit code as a shell reports it.
  package var exitCode: Int32 { code == CLD_EXITED ? status : 128 + status }
}

/// Takes in the processes that runsc leaves behind, and tells how sandboxes end.
///
/// As a child subreaper (prctl(2)) this process becomes the parent of every sandbox when the `runsc run` that made it
/// ends: so the exit code of an agent's program is known exactly and at once, without a waiting process per agent.
/// gofers and stubs come along and are reaped too, or `runsc delete` would wait five seconds for them in vain. They are
/// told from the children that other code of this process started and awaits: the sandbox and its stubs have sessions of
/// their own, and the gofer is left in the process group of a `runsc run` that is gone, while a child of somebody's
/// leads its own group or shares ours.
package final class OrphanReaper: Sendable {
  private struct Watched {
    var descriptor: Int32
    var waiters: [CheckedContinuation<RawExit?, Never>]
  }

  private struct State {
    var watched: [Int32: Watched] = [:]
    /// Ends that nobody had asked for yet: a program may be over before its start returns.
    var unclaimed: [Int32: (exit: RawExit, at: ContinuousClock.Instant)] = [:]
  }

  private let state = Mutex(State())
  private let wakeUp: Int32
  private static let unclaimedAge = Duration.seconds(60)

  /// The one reaper of this process: the kernel knows no second.
  private static let running = Mutex<OrphanReaper?>(nil)

  /// - Returns: The process's reaper, started at the first call.
  /// - Throws: `Fault(.failed)` when the kernel refuses.
  package static func start() throws -> OrphanReaper {
    try running.withLock { running in
      if let running { return running }
      let reaper = try make()
      running = reaper
      return reaper
    }
  }

  private static func make() throws -> OrphanReaper {
    let wakeUp = lobstack_eventfd()
    guard lobstack_become_subreaper() == 0, wakeUp >= 0 else {
      throw Fault(
        .failed, operation: "become the parent of orphaned sandboxes", reason: String(cString: strerror(errno)),
        remedy: "run on Linux 5.3 or newer")
    }
    let reaper = OrphanReaper(wakeUp: wakeUp)
    let thread = Thread { reaper.loop() }
    thread.name = "orphan-reaper"
    thread.start()
    return reaper
  }

  private init(wakeUp: Int32) { self.wakeUp = wakeUp }

  /// Returns when the child has ended; at once with `nil` when it is no child of this process.
  package func exit(of process: Int32) async -> RawExit? {
    await withCheckedContinuation { continuation in
      let answer: RawExit?? = state.withLock { state in
        if let known = state.unclaimed.removeValue(forKey: process) { return known.exit }
        if state.watched[process] != nil {
          state.watched[process]?.waiters.append(continuation)
          return nil
        }
        guard ProcessStatus(process)?.parent == getpid() else { return .some(nil) }
        let descriptor = lobstack_pidfd_open(process)
        guard descriptor >= 0 else { return .some(nil) }
        state.watched[process] = Watched(descriptor: descriptor, waiters: [continuation])
        return nil
      }
      if let answer {
        continuation.resume(returning: answer)
      } else {
        wake()
      }
    }
  }

  private func wake() {
    var one: UInt64 = 1
    _ = write(wakeUp, &one, 8)  // a full counter has woken the thread already
  }

  private func loop() {
    var busyUntil = ContinuousClock.now
    while true {
      let watched = state.withLock { $0.watched.map { (process: $0.key, descriptor: $0.value.descriptor) } }
      var descriptors = [pollfd(fd: wakeUp, events: Int16(POLLIN), revents: 0)]
      descriptors += watched.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
      let isBusy = ContinuousClock.now < busyUntil
      _ = poll(&descriptors, nfds_t(descriptors.count), isBusy ? 10 : 1000)
      var count: UInt64 = 0
      _ = read(wakeUp, &count, 8)  // nothing to read: the time was over
      for (index, entry) in watched.enumerated() where descriptors[index + 1].revents != 0 {
        finish(entry.process)
        busyUntil = .now + .seconds(2)
      }
      if sweep() { busyUntil = .now + .seconds(2) }
    }
  }

  private func finish(_ process: Int32) {
    let exit = reap(process)
    let watched = state.withLock { $0.watched.removeValue(forKey: process) }
    guard let watched else { return }
    close(watched.descriptor)
    for waiter in watched.waiters { waiter.resume(returning: exit) }
  }

  /// Reaps every dead orphan that nobody watches.
  private func sweep() -> Bool {
    let ownSession = getsid(0)
    let ownGroup = getpgrp()
    var reapedAny = false
    for child in children() {
      guard let status = ProcessStatus(child), status.isZombie,
        status.session != ownSession || (status.group != ownGroup && status.group != child)
      else { continue }
      // In one step: whoever asks meanwhile must find the process or its end.
      let isReaped = state.withLock { state in
        guard state.watched[child] == nil, let exit = reap(child) else { return false }
        let now = ContinuousClock.now
        state.unclaimed[child] = (exit, now)
        state.unclaimed = state.unclaimed.filter { now - $0.value.at < Self.unclaimedAge }
        return true
      }
      if isReaped { reapedAny = true }
    }
    return reapedAny
  }

  private func reap(_ process: Int32) -> RawExit? {
    var code: Int32 = 0
    var status: Int32 = 0
    return lobstack_reap(process, &code, &status) == 1 ? RawExit(code: code, status: status) : nil
  }

  /// Children of every thread of this process (proc_pid_children(5)).
  private func children() -> [Int32] {
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
    return threads.flatMap { thread in
      let text = (try? kernelFile("/proc/self/task/\(thread)/children")) ?? ""
      return text.split(separator: " ").compactMap { Int32($0) }
    }
  }
}

/// What /proc/<pid>/stat tells (proc_pid_stat(5)).
struct ProcessStatus {
  var isZombie: Bool
  var parent: Int32
  var group: Int32
  var session: Int32

  init?(_ process: Int32) {
    guard let text = try? kernelFile("/proc/\(process)/stat"),
      let end = text.lastIndex(of: ")")
    else { return nil }
    // The program's name, in brackets, may hold anything; what follows it does not.
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 3, let parent = Int32(fields[1]), let group = Int32(fields[2]), let session = Int32(fields[3])
    else { return nil }
    isZombie = fields[0] == "Z"
    self.parent = parent
    self.group = group
    self.session = session
  }
}
