import ChildProcess
import Foundation

/// How long the platform takes to attack itself.
enum VerifyBenchmark {
  static func run() async throws -> [Row] {
    try await BenchmarkPlatform.with { platform in
      let begin = ContinuousClock.now
      let result = try await platform.command("verify", "--quick", "-o", "json").run(timeout: .seconds(300))
      let seconds = begin.duration(to: .now).inMilliseconds / 1000
      let verdict = result.status == .exited(0) ? "all proven" : "NOT ALL PROVEN (\(result.status))"
      return [Row(what: "verify --quick", figure: String(format: "%.1f s, ", seconds) + verdict, goal: "60 s")]
    }
  }
}
