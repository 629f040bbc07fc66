import APIClient
import AgentModel
import Faults
import Foundation
import Sandbox

/// Attacks the platform and tells which of its promises hold.
package struct Verify: Sendable {
  package struct Options: Sendable {
    package var layout: InstanceLayout
    package var isQuick: Bool
    /// Ids of the checks to run; empty means all.
    package var only: [String]
    package var waivers: [Waiver]
    /// The day by which waivers are judged, `YYYY-MM-DD`.
    package var today: String

    package init(
      layout: InstanceLayout, isQuick: Bool = false, only: [String] = [], waivers: [Waiver] = [], today: String = ""
    ) {
      self.layout = layout
      self.isQuick = isQuick
      self.only = only
      self.waivers = waivers
      self.today = today
    }
  }

  private let options: Options
  private let tell: @Sendable (String) -> Void

  /// - Parameter tell: called with each line of progress.
  package init(_ options: Options, tell: @escaping @Sendable (String) -> Void) {
    self.options = options
    self.tell = tell
  }

  /// Runs the checks, and takes away whatever they made, also when the task is cancelled.
  ///
  /// - Throws: `Fault(.invalid)` for an unknown id; `Fault(.unavailable)` when the platform does not run;
  ///   `CancellationError`.
  package func run() async throws -> VerificationReport {
    for failure in try await ProbeSite.reclaim(platform: options.layout) { tell("left by an earlier run: \(failure)") }
    try await withClient(options.layout.apiSocket) { try await $0.ready() }
    // The throw-away sandboxes' processes become ours; runsc waits for their end until somebody reaps them.
    let reaper = try OrphanReaper.start()
    defer { withExtendedLifetime(reaper) {} }
    let site = try await ProbeSite.open(platform: options.layout, isQuick: options.isQuick)
    let fixtures = Fixtures(site: site)
    let result: Result<VerificationReport, any Error>
    do {
      let checks = try selected(fixtures)
      let runner = Runner(checks, waivers: options.waivers, today: options.today) { [tell] in tell($0.progressLine) }
      result = .success(try await runner.run())
    } catch {
      result = .failure(error)
    }
    await fixtures.close()
    for failure in await site.close() { tell("not cleaned up: \(failure)") }
    return try result.get()
  }

  private func selected(_ fixtures: Fixtures) throws -> [Check] {
    let isolation = IsolationChecks(fixtures: fixtures).all + LimitCheck(fixtures: fixtures).all
    let network = NetworkChecks(fixtures: fixtures).all + EgressChecks(fixtures: fixtures).all
    let identity =
      GatewayChecks(fixtures: fixtures).all + ListenerChecks(fixtures: fixtures).all
      + IdentityChecks(fixtures: fixtures).all
    let secrets =
      SecretChecks(fixtures: fixtures).all + CredentialCheck(fixtures: fixtures).all
      + RestChecks(fixtures: fixtures).all
    let detection = DetectionChecks(fixtures: fixtures).all + ResponseChecks(fixtures: fixtures).all
    let admission = AdmissionChecks(fixtures: fixtures).all
    let record = RecordChecks(fixtures: fixtures).all + OutageCheck(fixtures: fixtures).all
    let sorted =
      isolation.sorted { $0.id < $1.id } + network.sorted { $0.id < $1.id } + identity
      + (secrets + admission + detection + record).sorted { $0.id < $1.id }
    guard !options.only.isEmpty else { return sorted.filter { !options.isQuick || !$0.isLong } }
    if let unknown = options.only.first(where: { id in !sorted.contains { $0.id == id } }) {
      throw Fault(
        .invalid, operation: "run check \(unknown)", reason: "there is no such check",
        remedy: "name some of \(sorted.map(\.id).joined(separator: ", "))")
    }
    return sorted.filter { options.only.contains($0.id) }
  }
}
