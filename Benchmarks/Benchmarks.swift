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
    ("audit", AuditBenchmark.run), ("audit-proofs", AuditProofBenchmark.run), ("listings", ListingsBenchmark.run),
    ("api", APIBenchmark.run),
    ("firewall", FirewallBenchmark.run), ("start", StartBenchmark.run),
    ("verify", VerifyBenchmark.run), ("memory", MemoryBenchmark.run), ("identity", IdentityBenchmark.run),
    ("gateway", GatewayBenchmark.run), ("proxy", ProxyBenchmark.run), ("proxy-memory", ProxyMemoryBenchmark.run),
    ("egress-change", EgressChangeBenchmark.run), ("rotation", RotationBenchmark.run),
    ("secrets", SecretsBenchmark.run), ("cluster", ClusterBenchmark.run),
    ("engine", EngineBenchmark.run), ("detection", DetectionBenchmark.run),
    ("watch-cost", WatchCostBenchmark.run), ("dashboard", DashboardBenchmark.run),
    ("admission", AdmissionBenchmark.run), ("operator", OperatorBenchmark.run),
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
      say("==> \(name), \(machine)")
      do {
        rows += try await measure()
        say("    done, \(machine)")
      } catch {
        say("benchmarks: \(name): \(error)")
        hasFailed = true
      }
    }
    print(Row.table(rows))
    exit(hasFailed ? 1 : 0)
  }

  /// How busy the machine is beside what is measured.
  private static var machine: String {
    var loads = [Double](repeating: .nan, count: 3)
    getloadavg(&loads, 3)
    return String(
      format: "load average %.2f on %d processors", loads[0], ProcessInfo.processInfo.activeProcessorCount)
  }

  /// Progress, which is no part of the table.
  private static func say(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
}
