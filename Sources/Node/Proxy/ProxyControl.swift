import AgentModel
import Documents
import Faults
import Foundation
import Logging
import NameResolution
import NodeProtocol
import Proxy
import Turns

/// Keeps the node proxy and the agents' resolver at what the agents' documents say.
///
/// A change counts when both have said that they run it. What they run when this process dies, they go on running.
actor ProxyControl {
  struct Served: Sendable {
    var agent: DesiredAgent
    var address: String
    var intent: ProxyIntent
  }

  /// Credentials that the agents of one tenant may use, of the few hundred that the proxy has.
  private static let mostCredentialsOfTenant = 128
  /// How long the word of proxy and resolver counts before they are asked again.
  private static let proofLife = Duration.seconds(5)
  /// Longest wait for a change under way before a state is told.
  private static let changePatience = Duration.seconds(10)

  /// Longest wait for the control plane to sign an agent's certificate.
  private static let identityPatience = Duration.seconds(15)

  private let layout: InstanceLayout
  private let settings: NodeProxyLayout
  private let apiRules: [AccessRule]
  private let driver: EnvoyDriver
  private let secrets: AgentSecrets
  private let resolver: ResolverControl
  private let logger: Logger
  private var served: [AgentUID: Served] = [:]
  private var keys: IdentityKeys
  private var changes = 0
  /// Tells one run of the node from another in the versions.
  private let epoch = UInt64(Date().timeIntervalSince1970 * 1000)
  private var time = RisingTime()
  /// The version that both run, by their own word; `nil` before there was one, and after a change that failed.
  private var version: String?
  private var provenAt: ContinuousClock.Instant?
  /// When the first of the hosts that are open closes.
  private var nextExpiry: Date?
  private var isApplying = false
  /// Agents that are served no more, which proxy and resolver may not know yet.
  private var leaving: Set<AgentUID> = []
  private var waiters: [UUID: CheckedContinuation<Void, Never>] = [:]
  private var joined: Joined?
  private let turn = Turn()
  /// Called when the certificate requests change.
  private var onRequests: @Sendable () async -> Void = {}

  init(
    layout: InstanceLayout, settings: NodeProxyLayout, apiRules: [AccessRule], driver: EnvoyDriver,
    secrets: AgentSecrets, resolver: ResolverControl, logger: Logger
  ) {
    self.layout = layout
    self.settings = settings
    self.apiRules = apiRules
    self.driver = driver
    self.secrets = secrets
    self.resolver = resolver
    self.logger = logger
    // Without the file, or with a damaged one, new keys are made.
    keys =
      FileManager.default.contents(atPath: layout.identityKeysFile)
      .flatMap { try? JSONDecoder().decode(IdentityKeys.self, from: $0) } ?? IdentityKeys()
  }

  func onRequests(_ body: @escaping @Sendable () async -> Void) { onRequests = body }

  var requests: [CertificateRequest] { keys.requests }

  // MARK: What is wished

  /// Takes up the agents of an earlier node, without telling the proxy yet: it serves them.
  func adopt(_ agents: [(agent: DesiredAgent, address: String)]) {
    for (agent, address) in agents {
      do {
        served[agent.uid] = Served(agent: agent, address: address, intent: try intent(agent))
      } catch {
        // It runs on, served nothing; the step that follows tells why.
        logger.error(
          "An agent's documents are not enforced", metadata: ["agent.id": "\(agent.id)", "error": "\(error)"])
      }
    }
  }

  /// Serves the agent at this address, as its documents say.
  ///
  /// - Throws: `Fault(.unavailable)` when no certificate comes, or the proxy or the resolver does not take the change.
  func admit(_ agent: DesiredAgent, address: String) async throws {
    let wanted = Served(agent: agent, address: address, intent: try intent(agent))
    do {
      try await serve(wanted)
    } catch let fault as Fault where fault.code == .invalid {
      // Envoy refused it together with what else changed at that moment. Alone it shows whose fault that was.
      try await turn.take { try await self.serve(wanted) }
    }
  }

  /// Serves it, or what was served before when that fails.
  private func serve(_ wanted: Served) async throws {
    let agent = wanted.agent
    let before = served[agent.uid]
    served[agent.uid] = wanted
    do {
      try await requireRoomForCredentials(of: agent)
      try await refreshKeys()
      try await waitForCertificate(agent)
      try await settle()
    } catch {
      served[agent.uid] = before
      throw error
    }
  }

  /// One more credential than the proxy serves would take another agent's away.
  private func requireRoomForCredentials(of agent: DesiredAgent) async throws {
    let used = Set(state(await secrets.credentials, at: time.read()).agents.flatMap(\.credentials.values))
    let own = used.count { $0.tenant == agent.id.tenant }
    guard own <= Self.mostCredentialsOfTenant else {
      throw Fault(
        .exhausted, operation: "serve the egress of agent \(agent.id)",
        reason: "its tenant's agents use \(own) different secrets, more than \(Self.mostCredentialsOfTenant)",
        remedy: "share secrets within the tenant ('lobstack secret set NAME --tenant T')")
    }
    let count = used.count
    guard count > settings.mostCredentials else { return }
    throw Fault(
      .exhausted, operation: "serve the egress of agent \(agent.id)",
      reason: "all agents together use \(count) different secrets, more than \(settings.mostCredentials)",
      remedy: "share secrets within a tenant ('lobstack secret set NAME --tenant T')")
  }

  /// Serves the agent no more. What cannot be told now is told with the next change.
  func withdraw(_ uid: AgentUID) async throws {
    if served.removeValue(forKey: uid) != nil { leaving.insert(uid) }
    guard leaving.contains(uid) else { return }
    try await refreshKeys()
    try await settle()
    leaving.remove(uid)
  }

  /// Takes what the control plane says of identities.
  func accept(_ identity: DesiredIdentity?) async {
    guard let identity else { return }
    guard identity.trustDomain == domain else {
      logger.error(
        "The control plane has another trust domain", metadata: ["trust.domain": "\(identity.trustDomain)"])
      return
    }
    let isNewBundle = keys.trustBundle != identity.trustBundle
    keys.trustBundle = identity.trustBundle
    let isNewCertificate = keys.accept(identity.certificates, at: Date())
    guard isNewBundle || isNewCertificate else { return }
    saveKeys()
    for waiter in waiters.values { waiter.resume() }
    waiters = [:]
    await settleOrWarn("Certificates are not in use yet")
  }

  /// Renews what is due, and tries once more what the proxy did not take.
  func tick() async {
    do { try await refreshKeys() } catch {
      logger.error("Keys cannot be kept", metadata: ["error": "\(error)"])
    }
    // Before the control plane has told whom to believe, a configuration would take the platform's API and the agents'
    // ports away from a proxy that serves them since before this process.
    if version == nil, keys.trustBundle != nil {
      await settleOrWarn("The node proxy does not have its configuration")
    } else if let nextExpiry, nextExpiry <= time.read() {
      await settleOrWarn("Hosts whose time is over are not closed yet")
    }
  }

  func secretsChanged() async throws { try await settle() }

  private func settleOrWarn(_ message: Logger.Message) async {
    do { try await settle() } catch { logger.warning(message, metadata: ["error": "\(error)"]) }
  }

  private func refreshKeys() async throws {
    var wanted = Set(served.values.map { SPIFFEID.agent($0.agent.id, in: domain) })
    wanted.insert(.service(.proxy, in: domain))
    guard keys.keep(wanted, at: Date()) else { return }
    saveKeys()
    await onRequests()
  }

  private func saveKeys() {
    do {
      try writeAtomically(keys, to: layout.identityKeysFile, mode: 0o600)
    } catch {
      // The next node makes new keys, which is all that is lost.
      logger.warning("Keys are not kept", metadata: ["error": "\(error)"])
    }
  }

  private func waitForCertificate(_ agent: DesiredAgent) async throws {
    let deadline = ContinuousClock.now + Self.identityPatience
    while true {
      // Of an adopted agent the certificate is there at once, and whom to believe may still have to be told.
      if keys.trustBundle != nil, keys.certificate(of: .agent(agent.id, in: domain)) != nil { return }
      guard ContinuousClock.now < deadline else {
        throw Fault(
          .unavailable, operation: "give agent \(agent.id) an identity",
          reason: "the control plane signed no certificate within \(Self.identityPatience)",
          remedy: "see 'lobstack status' and the log of the control plane")
      }
      await wait(until: deadline)
    }
  }

  private nonisolated var domain: TrustDomain { settings.trustDomain }

  private func wait(until deadline: ContinuousClock.Instant) async {
    let id = UUID()
    let timeout = Task {
      try? await Task.sleep(until: deadline)  // cancelled: a certificate came
      release(id)
    }
    await withCheckedContinuation { waiters[id] = $0 }
    timeout.cancel()
  }

  private func release(_ id: UUID) { waiters.removeValue(forKey: id)?.resume() }

  private func intent(_ agent: DesiredAgent) throws -> ProxyIntent {
    try ProxyIntent(
      agent: agent.id, domain: domain, serviceEntries: agent.serviceEntries,
      authorizationPolicies: agent.authorizationPolicies)
  }

  // MARK: What is enforced

  private func settle() async throws {
    let joined = joined ?? Joined { [weak self] in try await self?.apply() }
    self.joined = joined
    try await joined.run()
  }

  private func apply() async throws {
    changes += 1
    let version = "\(epoch)-\(changes)"
    isApplying = true
    defer { isApplying = false }
    do {
      let credentials = await secrets.credentials
      let now = time.read()
      let agents = served.values.map { (address: $0.address, egress: $0.intent.egress(at: now)) }
      nextExpiry = agents.flatMap(\.egress).compactMap(\.expires?.date).min()
      _ = try await driver.apply(NodeProxy(layout: settings).files(state(credentials, at: now)), version: version)
      try await resolver.apply(agents, version: version)
    } catch {
      self.version = nil
      provenAt = nil
      throw error
    }
    self.version = version
    provenAt = .now
  }

  /// - Parameter credentials: what each agent may use; one that is not there is refused to those who need it.
  private func state(_ credentials: [AgentUID: [SecretName: HeldSecret]], at now: Date) -> NodeProxyState {
    var state = NodeProxyState(apiRules: apiRules)
    if let bundle = keys.trustBundle, let own = keys.certificate(of: .service(.proxy, in: domain)) {
      state.mesh = NodeProxyState.Mesh(identity: own, roots: bundle)
    }
    for served in served.values.sorted(by: { $0.agent.uid < $1.agent.uid }) {
      let id = served.agent.id
      let egress = served.intent.egress(at: now)
      var agent = ProxiedAgent(
        id: id, address: served.address, certificate: keys.certificate(of: .agent(id, in: domain)),
        egress: egress, ports: served.intent.allowsGateway ? ports(of: served.agent) : [:])
      for name in egress.compactMap(\.credential?.secret) {
        guard let held = credentials[served.agent.uid]?[name] else { continue }
        let key: CredentialKey = held.reference.agent == nil ? .tenant(id.tenant, name) : .agent(id, name)
        agent.credentials[name] = key
        // A value that no header can carry is as good as none: requests that need it are refused.
        state.secrets[key] = held.value.headerText.flatMap(ProxySecret.init)
      }
      state.agents.append(agent)
    }
    return state
  }

  private func ports(of agent: DesiredAgent) -> [String: UInt16] {
    let ports = agent.pod.spec.containers.first?.ports ?? []
    return Dictionary(ports.map { ($0.name, $0.containerPort) }) { first, _ in first }
  }

  // MARK: Read-back

  /// The layers `identity` and `egress` of one agent, as proxy and resolver tell them now.
  func readBack(_ uid: AgentUID) async -> [LayerStatus] {
    guard let served = served[uid], keys.trustBundle != nil else {
      return ["identity", "egress"].map {
        LayerStatus(layer: $0, state: .unknown, evidence: "the node proxy does not know the agent yet")
      }
    }
    let id = SPIFFEID.agent(served.agent.id, in: domain)
    guard let signed = keys.signed(id) else {
      return ["identity", "egress"].map {
        LayerStatus(layer: $0, state: .unknown, evidence: "\(id) has no certificate yet")
      }
    }
    let fault = await faultNow()
    let state: LayerStatus.State = fault == nil ? .enforced : .unknown
    let version = version ?? "none"
    return [
      LayerStatus(
        layer: "identity", state: state,
        evidence: fault
          ?? "X.509-SVID \(id), serial \(signed.serialNumber), until \(signed.notAfter.ISO8601Format()), held by the "
          + "node proxy for \(served.address) alone (configuration \(version))"),
      LayerStatus(
        layer: "egress", state: state,
        evidence: fault
          ?? "\(served.intent.egress(at: time.read()).count) hosts open, all else refused; the node proxy and the resolver run "
          + "configuration \(version)"),
    ]
  }

  /// How node proxy and resolver do, asked of each.
  func services() async -> [NodeDescription.Service] {
    async let name = resolver.version()
    let wanted = version
    let (count, late) = (served.count, "the last change is not in force yet")
    var services: [NodeDescription.Service] = []
    do {
      let server = try await EnvoyAdmin(socket: driver.admin.socket, timeout: .seconds(1)).server()
      let isWell = server.state == "LIVE" && wanted != nil
      services.append(
        NodeDescription.Service(
          name: "proxy", state: isWell ? .ready : .degraded,
          detail: "Envoy \(server.release), "
            + (isWell ? "for \(count) agents, configuration \(wanted ?? "")" : "\(server.state.lowercased()): \(late)"))
      )
    } catch {
      let reason = (error as? Fault)?.reason ?? "\(error)"
      services.append(
        NodeDescription.Service(
          name: "proxy", state: .down, detail: "\(reason); see \(layout.logDirectory)/proxy.log"))
    }
    // No answer and an error of the socket are the same to whoever looks.
    let named = (try? await name) ?? nil
    let place = "\(resolver.address):\(resolver.port)"
    guard let named else {
      return services + [
        NodeDescription.Service(
          name: "resolver", state: .down, detail: "nobody answers at \(place); see \(layout.logDirectory)/sentinel.log")
      ]
    }
    let isWell = named == wanted
    return services + [
      NodeDescription.Service(
        name: "resolver", state: isWell ? .ready : .degraded,
        detail: isWell ? "answers \(count) agents at \(place)" : "at \(place): \(late)")
    ]
  }

  /// Why nothing can be called enforced now; what it names is closed then, not open.
  private func faultNow() async -> String? {
    let deadline = ContinuousClock.now + Self.changePatience
    // While a change is on its way, what was proven a moment ago still holds for everybody else.
    while true {
      if let provenAt, ContinuousClock.now - provenAt < Self.proofLife { return nil }
      guard isApplying, ContinuousClock.now < deadline else { break }
      do { try await Task.sleep(for: .milliseconds(20)) } catch { break }
    }
    guard let version else { return "the last change is not in force yet" }
    do {
      let found = try await driver.readBack()
      guard found.isCurrent else { return "the node proxy does not run what was written for it" }
      guard try await resolver.version() == version else { return "the resolver does not run version \(version)" }
      provenAt = .now
      return nil
    } catch {
      return "\(error)"
    }
  }
}
