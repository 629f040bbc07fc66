import Faults
import Foundation
import Turns

/// Changes the configuration of an Envoy that somebody else keeps running, and knows what it runs.
///
/// A change counts when Envoy's statistics show its version, not before: Envoy takes a file in its own time, refuses
/// it without telling the writer, and may take the good half of one that it refuses.
package actor EnvoyDriver {
  package nonisolated let admin: EnvoyAdmin
  package nonisolated let files: EnvoyFiles
  private let logFile: String?
  private let deadline: Duration

  private let turn = Turn()

  /// - Parameters:
  ///   - logFile: Envoy's log (its standard error), to find the reason of a refusal in.
  ///   - deadline: Longest wait for Envoy to take a change.
  package init(files: EnvoyFiles, admin: EnvoyAdmin, logFile: String?, deadline: Duration = .seconds(10)) {
    self.files = files
    self.admin = admin
    self.logFile = logFile
    self.deadline = deadline
  }

  /// That Envoy runs a configuration.
  package struct Acknowledgement: Hashable, Sendable {
    package let version: String
    /// The version of each file, which is older when the file did not change.
    package let versions: [EnvoyFile.Source: String]
    /// Listeners that serve.
    package let activeListeners: Int
  }

  /// Writes what changed and waits until Envoy runs it all; what is not named is gone afterwards.
  ///
  /// Callers take turns. `version` is new with every change; of letters, digits, '.', '-' and '_'.
  ///
  /// - Throws: `Fault(.invalid)` with Envoy's reason when it refuses: it runs the files that it had accepted before;
  ///   `Fault(.unavailable)` when it is down: the files stay, and it reads them when it starts;
  ///   `Fault(.timedOut)` when it neither takes nor refuses them: they stay as well.
  package func apply(_ wanted: [EnvoyFile], version: String) async throws -> Acknowledgement {
    let (files, admin, logFile, deadline) = (files, admin, logFile, deadline)
    return try await turn.take {
      var change = try EnvoyChange(
        wanted, version: version, files: files, admin: admin, logFile: logFile, deadline: deadline)
      return try await change.run()
    }
  }

  /// What Envoy runs now, beside what is written for it.
  package struct ReadBack: Hashable, Sendable {
    package struct File: Hashable, Sendable {
      package let written: String
      /// `nil` when nothing subscribes to the file.
      package let accepted: String?
    }
    package let server: EnvoyAdmin.Server
    package let files: [EnvoyFile.Source: File]
    package let activeListeners: Int
    package let warmingListeners: Int

    /// Whether Envoy serves exactly what is written.
    package var isCurrent: Bool {
      server.state == "LIVE" && warmingListeners == 0 && files.values.allSatisfy { $0.accepted == $0.written }
    }
  }

  /// - Throws: `Fault(.unavailable)` when Envoy is down.
  package func readBack() async throws -> ReadBack {
    let server = try await admin.server()
    let subscriptions = Subscriptions(try await admin.statistics(matching: Subscriptions.expression))
    var states: [EnvoyFile.Source: ReadBack.File] = [:]
    for (source, file) in try files.live() {
      states[source] = ReadBack.File(written: file.version, accepted: subscriptions[source]?.version)
    }
    return ReadBack(
      server: server, files: states, activeListeners: subscriptions.activeListeners,
      warmingListeners: subscriptions.warmingListeners)
  }
}
