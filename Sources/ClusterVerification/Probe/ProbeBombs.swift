import Foundation
import Glibc
import Synchronization

/// Takes as much as the program is let have. What it takes it gives back at once, and a plan bounds it.
struct ProbeBombs {
  let say: (String, Bool, String) -> Void

  func set(off bomb: ProbePlan.Bomb) {
    switch bomb {
    case .processes(let count): processes(count)
    case .memory(let megabytes): memory(megabytes)
    case .cpu(let threads, let seconds): cpu(threads, seconds)
    }
  }

  // MARK: Processes

  private func processes(_ wanted: Int) {
    guard let path = place(.wait, "bomb") else { return say(ProbePlan.Bomb.processesID, false, "no file to start") }
    var started: [ProbeSpawn] = []
    var end = "all of them"
    starting: while started.count < wanted {
      switch ProbeSpawn.start(path) {
      case .success(let process): started.append(process)
      case .failure(let why):
        end = why.description
        break starting
      }
      // The last that is heard of a program that is ended for it.
      if started.count % 32 == 0 { say(ProbePlan.Bomb.processesID, false, "\(started.count) of \(wanted) run") }
    }
    say(ProbePlan.Bomb.processesID, started.count == wanted, "\(started.count) of \(wanted) were started: \(end)")
    for process in started { kill(process.process, SIGKILL) }
    for process in started { process.end() }
  }

  /// Writes a program to where one can be run.
  private func place(_ program: TinyProgram, _ name: String) -> String? {
    ["/workspace", "/tmp"].map { "\($0)/\(name)" }.first { program.write(to: $0) == nil }
  }

  // MARK: Memory

  private static let chunk = 16

  private func memory(_ wanted: Int) {
    var taken: [UnsafeMutableRawPointer] = []
    let size = Self.chunk << 20
    defer { for address in taken { munmap(address, size) } }
    while taken.count * Self.chunk < wanted {
      guard
        let address = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), address != MAP_FAILED
      else {
        return say(ProbePlan.Bomb.memoryID, false, "\(taken.count * Self.chunk) MiB: \(ProbeSocket.error)")
      }
      taken.append(address)
      memset(address, 0x5A, size)
      say(ProbePlan.Bomb.memoryID, false, "\(taken.count * Self.chunk) of \(wanted) MiB held")
    }
    say(ProbePlan.Bomb.memoryID, true, "\(taken.count * Self.chunk) MiB held")
  }

  // MARK: CPU

  /// How much that is, the kubelet tells: a sandbox's own clocks count the time in which it was held, too.
  private func cpu(_ threads: Int, _ seconds: Int) {
    let isOver = Flag()
    let started = (0..<threads).count { _ in Self.startComputing(until: isOver) }
    say(ProbePlan.Bomb.cpuID, false, "\(started) of \(threads) threads compute")
    sleep(UInt32(seconds))
    isOver.value.store(true, ordering: .relaxed)
    say(ProbePlan.Bomb.cpuID, true, "\(started) of \(threads) threads computed for \(seconds) s")
  }

  /// By pthread_create(3), which says whether there is a thread: some seccomp profiles leave a program with one.
  private static func startComputing(until isOver: Flag) -> Bool {
    let context = Unmanaged.passRetained(isOver)
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        let isOver = Unmanaged<Flag>.fromOpaque(context).takeRetainedValue()
        while !isOver.value.load(ordering: .relaxed) {}
        return nil
      }, context.toOpaque())
    guard code == 0 else {
      context.release()
      return false
    }
    pthread_detach(thread)
    return true
  }

  private final class Flag: Sendable {
    let value = Atomic<Bool>(false)
  }
}
