import ChildProcess
import Foundation

/// How long the platform takes to attack itself.
enum VerifyBenchmark {
  static func run() async throws -> [Row] {
    try await BenchmarkPlatform.with { platform in
      [
        try await row(platform, ["--quick"], goal: "60 s"), try await row(platform, [], goal: "5 min"),
        try await row(platform, ["--break"]),
      ]
    }
  }

  private static func row(_ platform: BenchmarkPlatform, _ options: [String], goal: String = "") async throws -> Row {
    let begin = ContinuousClock.now
    let result = try await platform.command(["verify", "-o", "json"] + options).run(timeout: .seconds(900))
    let seconds = begin.duration(to: .now).inMilliseconds / 1000
    let verdict = result.status == .exited(0) ? "all proven" : "NOT ALL PROVEN (\(result.status))"
    let what = (["verify"] + options).joined(separator: " ")
    return Row(what: what, figure: String(format: "%.1f s, ", seconds) + verdict, goal: goal)
  }
}
