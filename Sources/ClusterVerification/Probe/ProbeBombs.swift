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
    for _ in 0..<threads {
      Thread.detachNewThread { while !isOver.value.load(ordering: .relaxed) {} }
    }
    say(ProbePlan.Bomb.cpuID, false, "\(threads) threads compute")
    sleep(UInt32(seconds))
    isOver.value.store(true, ordering: .relaxed)
    say(ProbePlan.Bomb.cpuID, true, "\(threads) threads computed for \(seconds) s")
  }

  private final class Flag: Sendable {
    let value = Atomic<Bool>(false)
  }
}
