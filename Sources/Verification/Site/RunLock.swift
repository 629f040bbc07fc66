import APIModel
import AgentModel
import Faults
import Files
import Foundation
import Glibc

/// One run of verify at a time on an instance: two would take one another's acts for the platform's.
enum RunLock {
  private struct Holder: Codable {
    var process: Int32
    var trigger: VerificationTrigger
    var startedAt: Date
  }

  /// - Returns: the lock, to be held as long as the run lives; `nil` where no platform ever ran, so that there is nothing to run on.
  /// - Throws: `Fault(.conflict)` naming the run that holds it.
  static func take(_ platform: InstanceLayout, trigger: VerificationTrigger) async throws -> FileLock? {
    guard FileStatus(platform.runDirectory)?.isDirectory == true else { return nil }
    let own = Holder(process: getpid(), trigger: trigger, startedAt: .now)
    let note = String(decoding: try APIJSON.encode(own), as: UTF8.self)
    let end = ContinuousClock.now + patience
    while true {
      if let lock = try FileLock.take(platform.verificationLock, note: note, mode: 0o600) { return lock }
      guard ContinuousClock.now < end else {
        throw conflict(FileLock.note(ofHolderOf: platform.verificationLock) ?? "")
      }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  /// For a run that was killed a moment ago to be gone, for whoever only looked, and for a holder to write who he is.
  private static let patience = Duration.seconds(2)

  private static func conflict(_ note: String) -> Fault {
    let holder = try? APIJSON.decode(Holder.self, from: note.utf8)  // of another version: then it is not told who
    let who = holder.map {
      "that of \($0.trigger.text), process \($0.process), since \($0.startedAt.formatted(.iso8601))"
    }
    return Fault(
      .conflict, operation: "verify the platform", reason: "another run is under way\(who.map { ": \($0)" } ?? "")",
      remedy: "wait for its end, which 'lobstack verification list' shows")
  }
}
