import AgentModel
import Blueprint
import Faults
import Foundation
import KubernetesAPI
import KubernetesRendering
import SecretStore
import Verification

/// Attacks the platform of a cluster and tells which of its promises hold.
package struct ClusterVerify: Sendable {
  package struct Options: Sendable {
    package var cluster: KubernetesConfiguration
    package var values: Values
    package var policy: Policy
    package var gateway: GatewayConfiguration
    /// Whose agents the probes are.
    package var tenant: TenantName
    /// An IPv4 or IPv6 address outside of the cluster, which takes connections on port 443.
    package var outside: String
    /// The secrets manager as it is reached from here; `nil` leaves what needs it untested.
    package var secretsManager: VaultAddress?
    package var isQuick: Bool
    /// Whether enforcers are stopped, for everybody.
    package var breaks: Bool
    /// Ids of the checks to run, quick or not; empty means all.
    package var only: [String]
    package var waivers: [Waiver]
    /// The day by which waivers are judged, `YYYY-MM-DD`.
    package var today: String
    /// For the end of what the run made.
    var patience = Removal.usualPatience

    package init(
      cluster: KubernetesConfiguration, values: Values, policy: Policy, gateway: GatewayConfiguration,
      tenant: TenantName = .default, outside: String = "1.1.1.1", secretsManager: VaultAddress? = nil,
      isQuick: Bool = false, breaks: Bool = false, only: [String] = [], waivers: [Waiver] = [], today: String = ""
    ) {
      self.cluster = cluster
      self.values = values
      self.policy = policy
      self.gateway = gateway
      self.tenant = tenant
      self.outside = outside
      self.secretsManager = secretsManager
      self.isQuick = isQuick && only.isEmpty
      self.breaks = breaks && only.isEmpty
      self.only = only
      self.waivers = waivers
      self.today = today
    }
  }

  /// Both waves of probes, each with its start and its plan, and what follows.
  static let stageDeadline = (ProbePod.startLimit + ProbePod.planLimit) * 2 + .seconds(60)

  private let options: Options
  private let tell: @Sendable (Verify.Progress) -> Void

  /// - Parameter tell: called with each step.
  package init(_ options: Options, tell: @escaping @Sendable (Verify.Progress) -> Void) {
    self.options = options
    self.tell = tell
  }

  /// Runs the checks, and takes away whatever they made, also when the task is cancelled.
  ///
  /// - Throws: `Fault(.invalid)` for an unknown id and for a tenant that the values do not have; what the API server says
  ///   to who may not make what is needed; `CancellationError`.
  package func run() async throws -> VerificationReport {
    guard options.values.tenants[options.tenant] != nil else {
      throw Fault(
        .invalid, operation: "verify tenant \(options.tenant)", reason: "the values have no such tenant",
        remedy: "name one of \(options.values.tenants.keys.sorted().map { "\($0)" }.joined(separator: ", "))")
    }
    let warnings = ServerWarnings()
    let client = try KubernetesClient(options.cluster, fieldManager: "lobstack-verify", logger: warnings.logger)
    let site = ClusterSite(
      client: client, mark: .random(at: .now), values: options.values, tenant: options.tenant, outside: options.outside,
      secretsManager: options.secretsManager, warnings: warnings, agentPod: { [options] in try Self.agentPod(options) },
      patience: options.patience)
    return try await client.use { try await run(site) }
  }

  private func run(_ site: ClusterSite) async throws -> VerificationReport {
    let stage = Shared { try await Stage.start(site) }
    let secrets = Shared { try await SecretsStage.start(site) }
    let caller = Shared { try await APICaller.start(site) }
    let checks = try selected(Self.checks(site, stage, secrets, caller) { [tell] in tell(.note($0)) })
    var run = VerificationRun(
      tier: options.only.isEmpty ? options.breaks ? .outages : options.isQuick ? .quick : .full : .chosen,
      instance: options.cluster.origin,
      version: LobstackVersion.current, components: try await components(site.client))
    let start = ContinuousClock.now
    for left in try await site.removal.removeLeftOvers() { tell(.note(left)) }
    let result: Result<VerificationReport, any Error>
    do {
      try await site.open()
      tell(.begins(checks: checks.count))
      let runner = Runner(checks, waivers: options.waivers, today: options.today) { [tell] in tell(.ended($0)) }
      result = .success(
        try await withTaskCancellationHandler {
          try await runner.run()
        } onCancel: {
          // Nobody has to wait for it: the runner ends when the stage has heard it.
          Task {
            await stage.cancel()
            await secrets.cancel()
            await caller.cancel()
          }
        })
    } catch {
      result = .failure(error)
    }
    var left = await site.close()
    if await secrets.isMade, let made = try? await secrets.value { left += await made.close() }
    for failure in left { tell(.note("not cleaned up: \(failure)")) }
    var report = try result.get()
    run.durationMs = start.duration(to: .now).milliseconds
    report.run = run
    return report
  }

  /// Takes away what killed runs left.
  ///
  /// - Returns: what could not be taken away, or may be in use.
  package static func clean(_ cluster: KubernetesConfiguration, values: Values) async throws -> [String] {
    let client = try KubernetesClient(cluster, fieldManager: "lobstack-verify")
    return try await client.use {
      try await Removal(client: client, controlPlane: values.namespaces.controlPlane).removeLeftOvers()
    }
  }

  private static func agentPod(_ options: Options) throws -> KubernetesObject {
    let document = """
      apiVersion: lobstack.dev/v1
      kind: Agent
      metadata: {name: verify, tenant: "\(options.tenant)"}
      spec: {image: "docker://\(options.values.images.lobstack)"}
      """
    let agent = try parseAgent(document, source: "the probe")
    let manifests = try AgentManifests(
      agent, values: options.values, policy: options.policy, now: .now, gateway: options.gateway)
    guard let pod = manifests.objects.last else {
      throw Fault(
        .failed, operation: "render agent \(agent.id)", reason: "it has no objects", remedy: "report this as a defect")
    }
    return try KubernetesObject(encoding: pod)
  }

  private func components(_ client: KubernetesClient) async throws -> [String: String] {
    let version = try await client.text(at: "/version")
    let name = version.firstMatch(of: /"gitVersion": *"([^"]{1,60})"/).map { String($0.1) }
    return ["kubernetes": oneLine(name ?? "unknown"), "profile": options.values.profile.rawValue]
  }

  private func selected(_ all: [Check]) throws -> [Check] {
    let named = options.only + options.waivers.map(\.check)
    if let unknown = named.first(where: { id in !all.contains { $0.id == id } }) {
      throw Fault(
        .invalid, operation: "verify \(unknown)", reason: "there is no such check of a cluster",
        remedy: "name some of \(all.map(\.id).joined(separator: ", "))")
    }
    return all.filter { check in
      guard options.only.isEmpty else { return options.only.contains(check.id) }
      return check.isBreak == options.breaks && !(options.isQuick && check.isLong)
    }
  }

  /// Every check there is, in the order of the report.
  static func checks(
    _ site: ClusterSite, _ stage: Shared<Stage>, _ secrets: Shared<SecretsStage>, _ caller: Shared<APICaller>,
    tell: @escaping @Sendable (String) -> Void = { _ in }
  ) -> [Check] {
    let sandbox = SandboxChecks(stage: stage)
    let made =
      FlowChecks(stage: stage).all + sandbox.network + sandbox.isolation + sandbox.secrets
      + SecretsChecks(site: site, stage: secrets).all + VolumeChecks(site: site, stage: stage).all
      + MeshChecks(stage: stage).all + TransportChecks(site: site, caller: caller).all
      + AuditChecks(site: site, stage: stage, caller: caller, secrets: secrets).all
      + RecorderOutage(site: site, caller: caller, tell: tell).all
      + AccessChecks(site: site).all
      + AdmissionChecks(site: site).all + DetectionChecks(site: site, stage: stage).all
      + ResponseChecks(site: site, stage: stage).all + LimitChecks(site: site, stage: stage).all
      + ReliabilityChecks(site: site, stage: stage).all + OutageChecks(site: site, stage: stage, tell: tell).all
      + Unattacked.all
    let parts = ["NET", "ISO", "MTLS", "SEC", "ADM", "REL", "DET", "AUD"]
    func place(_ check: Check) -> Int { parts.firstIndex { check.id.hasPrefix("\($0)-") } ?? parts.count }
    return made.sorted { (place($0), $0.id) < (place($1), $1.id) }
  }

  /// What `run` would choose from; asks nobody.
  package static func listing() async throws -> [CheckListing] {
    let nowhere = KubernetesConfiguration(
      server: try ServerAddress("https://nowhere.invalid", operation: "list the checks"), origin: "nowhere")
    let client = try KubernetesClient(nowhere, fieldManager: "lobstack-verify")
    let site = ClusterSite(
      client: client, mark: RunMark(id: "00000000", at: .now), values: Values(), tenant: .default, outside: "",
      warnings: ServerWarnings(), agentPod: { KubernetesObject(fields: [:]) })
    let list = checks(
      site, Shared { try await Stage.start(site) }, Shared { try await SecretsStage.start(site) },
      Shared { try await APICaller.start(site) }
    ).map(CheckListing.init)
    try await client.shutdown()
    return list
  }
}
