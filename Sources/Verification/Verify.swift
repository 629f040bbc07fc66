import APIClient
import APIModel
import AgentModel
import ChildProcess
import Faults
import Foundation
import Sandbox

/// Attacks the platform and tells which of its promises hold.
package struct Verify: Sendable {
  package struct Options: Sendable {
    package var layout: InstanceLayout
    package var tier: VerificationRun.Tier
    /// Ids of the checks to run, of whatever tier; empty means all of the tier.
    package var only: [String]
    package var waivers: [Waiver]
    /// The day by which waivers are judged, `YYYY-MM-DD`.
    package var today: String
    /// Who begins the run.
    package var trigger: VerificationTrigger
    package var programs: Programs

    package init(
      layout: InstanceLayout, tier: VerificationRun.Tier = .full, only: [String] = [], waivers: [Waiver] = [],
      today: String = "", trigger: VerificationTrigger = .person, programs: Programs = Programs()
    ) {
      self.layout = layout
      self.trigger = trigger
      self.programs = programs
      self.tier = only.isEmpty ? tier : .chosen
      self.only = only
      self.waivers = waivers
      self.today = today
    }
  }

  /// How far a run is.
  package enum Progress: Sendable {
    /// So many checks are to be made.
    case begins(checks: Int)
    case ended(CheckReport)
    /// Something to be told besides.
    case note(String)
  }

  private let options: Options
  private let tell: @Sendable (Progress) -> Void

  /// - Parameter tell: called with each step.
  package init(_ options: Options, tell: @escaping @Sendable (Progress) -> Void) {
    self.options = options
    self.tell = tell
  }

  /// Runs the checks, and takes away whatever they made, also when the task is cancelled.
  ///
  /// - Throws: `Fault(.invalid)` for an unknown id, also that of a waiver; `Fault(.unavailable)` when the platform does not run;
  ///   `Fault(.conflict)` while another run is under way; `CancellationError`.
  package func run() async throws -> VerificationReport {
    let lock = try await RunLock.take(options.layout, trigger: options.trigger)
    defer { withExtendedLifetime(lock) {} }
    for failure in try await ProbeSite.reclaim(platform: options.layout) {
      tell(.note("left by an earlier run: \(failure)"))
    }
    let platform = try await withClient(options.layout.apiSocket) { client in
      try await client.ready()
      return try await client.status()
    }
    var run = VerificationRun(
      tier: options.tier, trigger: options.trigger, of: platform, program: try await programDigest())
    let start = ContinuousClock.now
    // The throw-away sandboxes' processes become ours; runsc waits for their end until somebody reaps them.
    let reaper = try OrphanReaper.start()
    defer { withExtendedLifetime(reaper) {} }
    let site = try await ProbeSite.open(
      platform: options.layout, isQuick: options.tier == .quick, programs: options.programs)
    let fixtures = Fixtures(site: site)
    let result: Result<VerificationReport, any Error>
    do {
      let checks = try selected(fixtures)
      tell(.begins(checks: checks.count))
      let runner = Runner(checks, waivers: options.waivers, today: options.today) { [tell] in tell(.ended($0)) }
      result = .success(try await runner.run())
    } catch {
      result = .failure(error)
    }
    await fixtures.close()
    for failure in await site.close() { tell(.note("not cleaned up: \(failure)")) }
    var report = try result.get()
    run.durationMs = start.duration(to: .now).milliseconds
    report.run = run
    return report
  }

  /// Takes away what killed runs left.
  ///
  /// - Returns: what could not be taken away.
  /// - Throws: `Fault(.conflict)` while a run is under way.
  package static func clean(_ platform: InstanceLayout, trigger: VerificationTrigger) async throws -> [String] {
    let lock = try await RunLock.take(platform, trigger: trigger)
    defer { withExtendedLifetime(lock) {} }
    return try await ProbeSite.reclaim(platform: platform)
  }

  /// Has the platform keep a report; its digest goes into the audit log.
  ///
  /// - Throws: `Fault` when the platform does not answer, or cannot record it.
  package static func record(
    _ report: VerificationReport, of platform: InstanceLayout
  ) async throws -> VerificationResource {
    let text = String(decoding: try APIJSON.encode(report), as: UTF8.self)
    return try await withClient(platform.apiSocket) {
      try await $0.recordVerification(report.run?.id ?? "", report: text)
    }
  }

  /// SHA-256 of the program that the platform's processes run.
  private func programDigest() async throws -> String {
    String(try await Command("sha256sum", [options.layout.executable]).check(timeout: .seconds(30)).prefix(64))
  }

  private func selected(_ fixtures: Fixtures) throws -> [Check] {
    let all = Self.checks(fixtures)
    let named = options.only + options.waivers.map(\.check)
    if let unknown = named.first(where: { id in !all.contains { $0.id == id } }) {
      throw Fault(
        .invalid, operation: "verify \(unknown)", reason: "there is no such check",
        remedy: "name some of \(all.map(\.id).joined(separator: ", "))")
    }
    return all.filter { check in
      switch options.tier {
      case .quick: !check.isBreak && !check.isLong
      case .full: !check.isBreak
      case .outages: check.isBreak
      case .chosen: options.only.contains(check.id)
      }
    }
  }

  /// Every check there is, in the order of the report.
  static func checks(_ fixtures: Fixtures) -> [Check] {
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
    let record = RecordChecks(fixtures: fixtures).all + OutageChecks(fixtures: fixtures).all
    return isolation.sorted { $0.id < $1.id } + network.sorted { $0.id < $1.id } + identity
      + (secrets + admission + detection + record).sorted { $0.id < $1.id }
  }

  /// What `run` would choose from; makes nothing and asks nobody.
  package static func listing(_ layout: InstanceLayout) -> [CheckListing] {
    checks(Fixtures(site: .nowhere(platform: layout))).map(CheckListing.init)
  }
}
