import APIModel
import AgentModel
import Foundation
import KernelFiles
import Supervision

/// Memory of idle agents, every process of the instance counted: proportional set size (proc_pid_smaps(5)).
enum MemoryBenchmark {
  static func run() async throws -> [Row] {
    try await BenchmarkPlatform.with { platform in
      let empty = megabytes(of: InstanceProcesses(layout: platform.layout).everything().map(\.process))
      var rows = [Row(what: "memory of the platform without agents", figure: text(empty))]
      var running = 0
      for count in [1, 10, 50] {
        while running < count {
          let agent = try await platform.create("m\(running)", command: ["sleep", "36000"])
          try await platform.wait(for: agent.id, .running)
          running += 1
        }
        let processes = InstanceProcesses(layout: platform.layout)
        let own = Set(processes.platform().map(\.process))
        let sandboxes = megabytes(of: processes.everything().map(\.process).filter { !own.contains($0) })
        let all = megabytes(of: processes.everything().map(\.process))
        let gvisor = sandboxes / Double(count)
        let each = (all - empty) / Double(count)
        rows.append(
          Row(
            what: "memory of an idle agent, of \(count)", figure: "\(text(each)) all in",
            peer: "gVisor's processes alone: \(text(gvisor))", ratio: String(format: "%.2f", each / gvisor),
            goal: "16 MiB"))
      }
      return rows
    }
  }

  private static func text(_ megabytes: Double) -> String { String(format: "%.1f MiB", megabytes) }

  static func megabytes(of processes: [Int32]) -> Double {
    processes.reduce(0) { sum, process in
      // A process that has ended meanwhile uses none.
      let text = (try? kernelFile("/proc/\(process)/smaps_rollup")) ?? ""
      let line = text.split(separator: "\n").first { $0.hasPrefix("Pss:") }
      return sum + (line?.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0)
    } / 1024
  }
}
