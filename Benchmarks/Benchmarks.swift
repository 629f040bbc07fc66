import Foundation
import Glibc

/// Measures the platform side by side with its peers, in one run, and prints a table.
///
///     benchmarks [NAME…]        default: all
///
/// A figure alone says more of the machine than of the program, so each line has the peer that it was measured
/// against, where there is one, and the ratio of the medians.
@main enum Benchmarks {
  private static let all: [(name: String, measure: @Sendable () async throws -> [Row])] = [
    ("audit", AuditBenchmark.run), ("firewall", FirewallBenchmark.run), ("start", StartBenchmark.run),
    ("verify", VerifyBenchmark.run), ("memory", MemoryBenchmark.run),
  ]

  static func main() async {
    let wanted = CommandLine.arguments.dropFirst()
    if let unknown = wanted.first(where: { name in !all.contains { $0.name == name } }) {
      print("benchmarks: '\(unknown)' is not one of \(all.map(\.name).joined(separator: ", "))")
      exit(2)
    }
    guard getuid() == 0 else {
      print("benchmarks: only root can make sandboxes and networks")
      exit(3)
    }
    var rows: [Row] = []
    var hasFailed = false
    for (name, measure) in all where wanted.isEmpty || wanted.contains(name) {
      say("==> \(name)")
      do { rows += try await measure() } catch {
        say("benchmarks: \(name): \(error)")
        hasFailed = true
      }
    }
    print(Row.table(rows))
    exit(hasFailed ? 1 : 0)
  }

  /// Progress, which is no part of the table.
  private static func say(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
}
