import TestSupport

/// How long a cluster of secrets managers takes no write when its leader is killed, and what is lost.
enum ClusterBenchmark {
  private static let kills = 5

  static func run() async throws -> [Row] {
    let loss = try await VaultCluster.with(program: BenchmarkPlatform.program) {
      try await LeaderLoss.measure($0, kills: kills)
    }
    return [
      Row(
        what: "leader of three killed under load, to the first write", figure: Row.text(Samples(loss.recoveries))),
      Row(
        what: "acknowledged writes lost by \(kills) kills", figure: "\(loss.lost.count) of \(loss.acknowledged)",
        goal: "0"),
    ]
  }
}
