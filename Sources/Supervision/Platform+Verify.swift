import APIClient
import APIModel
import AgentModel
import ChildProcess
import Foundation
import Logging

extension Platform {
  /// Longest time of a run; past it, it is ended.
  private static let longestVerification = Duration.seconds(600)

  /// Runs `verify --quick` every so often, and at once when the newest report is of another version of Lobstack: that is
  /// after an upgrade. Its reports are recorded; what it says goes into a log.
  func verifyOnSchedule() async {
    guard let interval = configuration.verificationInterval else { return }
    var last = Date.now
    while !Task.isCancelled {
      // Without an answer: as if there were no report.
      let newest = try? await withClient { try await $0.verifications(limit: 1) }.items.first
      let isUpgraded = newest.map { $0.version != LobstackVersion.current && $0.startedAt < last } ?? false
      let next = max(last, newest?.startedAt ?? last) + interval
      guard isUpgraded || next <= .now else {
        // A run by hand meanwhile puts it off. Cancelled: the supervisor ends.
        do { try await Task.sleep(for: .seconds(min(60, max(1, next.timeIntervalSinceNow)))) } catch { return }
        continue
      }
      last = .now
      await verify()
    }
  }

  private func verify() async {
    let instance = [
      "--state-dir", URL(filePath: layout.root).deletingLastPathComponent().path, "--instance", "\(layout.instance)",
    ]
    do {
      let status = try await Command(layout.executable, ["verify", "--quick"] + instance).run(
        appendingTo: layout.logFile("verify").path, timeout: Self.longestVerification)
      guard status != .exited(0) else { return }
      logger.error(
        "The scheduled verification is not all proven",
        metadata: ["process.end": "\(status)", "log": "\(layout.logFile("verify").path)"])
    } catch {
      // Cancelled, or it took too long: the next run takes away what this one left.
      logger.error("The scheduled verification did not end", metadata: ["error": "\(error)"])
    }
  }
}
