import APIModel
import AgentModel
import ArgumentParser
import ClusterVerification
import Faults
import Foundation
import Supervision
import Verification

struct VerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Attack the platform to prove that its controls hold.",
    discussion: """
      Makes each attack twice: in a throw-away sandbox without the control, where it must work, and in a real agent, \
      where it must not. The report is recorded, with its digest in the audit log. Needs root. Exit code 0 when everything is proven, 1 when something failed, 3 when something \
      could not be tested.

      With --target kubernetes it attacks the platform of a cluster, from Pods that it makes for that and takes away; the \
      report is only printed.
      """)

  enum Target: String, ExpressibleByArgument, CaseIterable { case node, kubernetes }

  @Option(help: "What is attacked: the platform of this machine, or that of a cluster.")
  var target = Target.node

  @OptionGroup var instance: InstanceOptions
  @OptionGroup var format: OutputOptions

  @Flag(help: "Take at most a minute.")
  var quick = false

  @Flag(
    name: .customLong("break"),
    help: """
      Stop each enforcer in turn, on a second platform that is made for it: the one that runs is not harmed. With \
      --target kubernetes there is no second: the cluster's own programs have no Pods for half a minute each.
      """)
  var breaks = false

  @Flag(help: "List the checks, and make none.")
  var list = false

  @Flag(help: "Take away what a killed run left, and make no check.")
  var clean = false

  @Option(
    help: ArgumentHelp("Run only these checks, separated by commas.", valueName: "id,…"),
    transform: { $0.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces).uppercased() } })
  var only: [String] = []

  @Option(help: ArgumentHelp("Also write the report as JUnit XML.", valueName: "file"), completion: .file())
  var junit: String?

  @Option(help: ArgumentHelp("Also write the report as SARIF 2.1.0.", valueName: "file"), completion: .file())
  var sarif: String?

  @Option(help: ArgumentHelp("Also write the report as Markdown.", valueName: "file"), completion: .file())
  var markdown: String?

  @Option(
    help: ArgumentHelp(
      "Accept that a check is not proven until the end of a day; may be repeated.",
      valueName: "id=yyyy-mm-dd=owner=reason"), transform: parseWaiver)
  var waive: [Waiver] = []

  @Option(
    help: ArgumentHelp(
      "Accept what this file names: YAML with a list 'waivers', each with check, owner, reason and expires.",
      valueName: "file"), completion: .file())
  var waivers: String?

  @Option(
    help: ArgumentHelp(
      "Also write the report for a SIEM: Compliance Findings of OCSF 1.3.0, one a line.", valueName: "file"),
    completion: .file())
  var ocsf: String?

  @Option(help: ArgumentHelp("gVisor's program, as 'lobstack up' was given it.", valueName: "path"))
  var runsc = "runsc"

  @Option(help: ArgumentHelp("Envoy's program, of the second platform.", valueName: "path"))
  var envoy: String?

  @Option(help: ArgumentHelp("OpenBao's program, of the second platform.", valueName: "path"))
  var openbao: String?

  @OptionGroup(title: "Options of --target kubernetes") var cluster: ClusterOptions

  /// The supervisor's way to say why it runs this; its end is seen at standard input.
  @Option(
    help: .hidden,
    transform: { text in
      guard let trigger = VerificationTrigger(rawValue: text) else { throw ValidationError("'\(text)' begins no run") }
      return trigger
    })
  var trigger = VerificationTrigger.person

  func validate() throws {
    if target == .node, let option = cluster.given {
      throw ValidationError("--\(option) is about a cluster: give it with --target kubernetes")
    }
    if clean, quick || breaks || list || !only.isEmpty {
      throw ValidationError("--clean makes no check: give it without the options of a run")
    }
    if quick, breaks { throw ValidationError("--quick and --break are different runs: give one of them") }
    if !only.isEmpty, quick || breaks {
      throw ValidationError("--only names checks of every kind of run: leave --\(quick ? "quick" : "break") away")
    }
  }

  func run() async throws {
    if list {
      try printList(
        target == .node ? Verify.listing(try instance.layout()) : try await ClusterVerify.listing())
      return
    }
    guard target == .node else { return try await verifyCluster() }
    guard geteuid() == 0 else {
      FileHandle.standardError.write(
        Data("error: verify makes sandboxes and network namespaces of its own, so it must be run as root\n".utf8))
      throw Degraded(code: 3)
    }
    // It ends soon by itself, and only while the platform answers it can take everything away.
    guard !clean else { return try await cleanUp() }
    if trigger != .person { Lifeline.watch { kill(getpid(), SIGTERM) } }
    let options = Verify.Options(
      layout: try instance.layout(), tier: breaks ? .outages : quick ? .quick : .full, only: only,
      waivers: try allWaivers(),
      today: Date.now.formatted(.iso8601.year().month().day()), trigger: trigger,
      programs: Programs(runtime: runsc, envoy: envoy, openBao: openbao))
    let report = try await report { tell in try await Verify(options, tell: tell).run() }
    do {
      let record = try await Verify.record(report, of: options.layout)
      tell("recorded as \(record.id), in audit record \(record.auditIndex)")
    } catch  where report.exitCode != 0 {
      tell("not recorded: \(error)")
    }
    guard report.exitCode == 0 else { throw Degraded(code: report.exitCode) }
  }

  /// What a run finds, told in every form that is asked for.
  private func report(
    _ run: @escaping @Sendable (@escaping @Sendable (Verify.Progress) -> Void) async throws -> VerificationReport
  ) async throws -> VerificationReport {
    let progress = ProgressLines()
    defer { progress.end() }
    let report = try await untilInterrupted(onSignal: { tell("ending, and taking away what was made …") }) {
      try await run { progress.take($0) }
    }
    progress.end()
    try format.print(report) { report.table }
    if let junit { try NamedFile.write(Data(report.junit.utf8), to: junit) }
    if let sarif { try NamedFile.write(Data(try report.sarif(version: LobstackVersion.current).utf8), to: sarif) }
    if let markdown { try NamedFile.write(Data(report.markdown.utf8), to: markdown) }
    if let ocsf { try NamedFile.write(Data(try report.ocsf(version: LobstackVersion.current).utf8), to: ocsf) }
    return report
  }

  private func verifyCluster() async throws {
    guard !clean else {
      return try tellLeft(
        try await ClusterVerify.clean(try cluster.kubeconfig.configuration(), values: try cluster.values.read()))
    }
    let options = try cluster.options(
      isQuick: quick, breaks: breaks, only: only, waivers: try allWaivers(),
      today: Date.now.formatted(.iso8601.year().month().day()))
    let report = try await report { tell in try await ClusterVerify(options, tell: tell).run() }
    guard report.exitCode == 0 else { throw Degraded(code: report.exitCode) }
  }

  private func cleanUp() async throws {
    try tellLeft(try await Verify.clean(try instance.layout(), trigger: trigger))
  }

  private func tellLeft(_ failures: [String]) throws {
    for failure in failures { tell("still there: \(failure)") }
    guard failures.isEmpty else { throw Degraded(code: 1) }
  }

  private func printList(_ checks: [CheckListing]) throws {
    try format.print(checks) {
      var table = Table("CHECK", "LAYER", "RUNS", "CRITERIA", "WHAT")
      for check in checks {
        table.add(
          check.id, check.layer, check.tiers.joined(separator: ", "), check.criteria.joined(separator: ", "),
          check.title)
      }
      return table.rendered()
    }
  }

  private func allWaivers() throws -> [Waiver] {
    guard let waivers else { return waive }
    return try waive + Waiver.all(in: try NamedFile.text(of: waivers, longest: 1 << 20), source: waivers)
  }
}

@Sendable private func parseWaiver(_ text: String) throws -> Waiver {
  let parts = text.split(separator: "=", maxSplits: 3).map(String.init)
  guard parts.count == 4 else { throw ValidationError("'\(text)' is not ID=YYYY-MM-DD=OWNER=REASON") }
  do { return try Waiver(check: parts[0], owner: parts[2], reason: parts[3], expires: parts[1]) } catch let fault
    as Fault
  {
    throw ValidationError("'\(text)': \(fault.reason); \(fault.remedy)")
  }
}
