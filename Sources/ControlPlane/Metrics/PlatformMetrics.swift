import APIModel
import AgentModel
import AlertForwarding
import CertificateAuthority
import FoundationEssentials
import Instruments
import NodeProtocol
import Storage

/// What is measured when somebody asks. What is counted stands with whoever counts it.
enum PlatformMetrics {
  static let build = MetricFamily(.gauge, "lobstack_build_info", "The version that runs; always 1.", by: ["version"])
  static let agents = MetricFamily(.gauge, "lobstack_agents", "Agents by their phase.", by: ["phase"])
  static let layers = MetricFamily(
    .gauge, "lobstack_agent_layers", "Agents by what was last read back of each of their layers.",
    by: ["layer", "state"])
  static let ready = MetricFamily(
    .gauge, "lobstack_component_ready", "1 when the component does what it is for, else 0.", by: ["component"])
  static let lastAnswer = MetricFamily(
    .gauge, "lobstack_component_last_answer_timestamp_seconds", "When the component answered last, since 1970.",
    by: ["component"])
  static let sealed = MetricFamily(
    .gauge, "lobstack_secrets_manager_sealed", "1 when the secrets manager was sealed as it answered last, else 0.")
  static let certificates = MetricFamily(
    .gauge, "lobstack_certificate_expiry_timestamp_seconds", "When the certificate ends, since 1970.",
    by: ["certificate"])
  static let auditRecords = MetricFamily(.gauge, "lobstack_audit_records", "Records of the audit log.")
  static let auditBytes = MetricFamily(.gauge, "lobstack_audit_size_bytes", "Size of the audit log on the disk.")
  static let verifiedAt = MetricFamily(
    .gauge, "lobstack_verification_timestamp_seconds",
    "When the last whole run of 'lobstack verify' that was recorded began, since 1970.")
  static let checks = MetricFamily(
    .gauge, "lobstack_verification_checks", "Checks of that run by their verdict.", by: ["verdict"])
  static let streams = MetricFamily(
    .gauge, "lobstack_http_streams", "Execs, followed logs and followed alerts that run.")
  static let gatewayResponses = MetricFamily(
    .counter, "lobstack_gateway_responses_total", "Answers of the gateway since it started, by class of status.",
    by: ["code_class"])
  static let gatewayRateLimited = MetricFamily(
    .counter, "lobstack_gateway_rate_limited_requests_total",
    "Requests that the gateway refused since it started because there were too many.")
}

extension API {
  /// Longest wait for the store and the audit log.
  private static let patience = Duration.seconds(2)

  /// Everything, as it is now or as it was heard last: nothing outside this process is asked.
  func exposition() async -> Exposition {
    var exposition = Exposition()
    exposition.add(PlatformMetrics.build, [([LobstackVersion.current], 1)])
    ProcessMetrics.add(to: &exposition)
    exposition.add(requests.requests)
    exposition.add(requests.durations)
    exposition.add(requests.rateLimited)
    exposition.add(PlatformMetrics.streams, Double(streams.count))
    let stored = await stored()
    addAgents(stored?.agents, to: &exposition)
    addVerification(stored?.verification, to: &exposition)
    await addAudit(to: &exposition)
    exposition.add(denials)
    alerts.metrics.add(to: &exposition, notForwarded: alerts.forwarder?.dropped ?? [:])
    admission.metrics.add(to: &exposition)
    admission.findings.add(to: &exposition)
    addComponents(isStoreReadable: stored != nil, to: &exposition)
    await addCertificates(to: &exposition)
    return exposition
  }

  /// - Returns: `nil` when the store cannot be read.
  private func stored() async -> (agents: [AgentUID], verification: VerificationResource?)? {
    // Why not is in the answers of whoever needs it; here it is that the component 'store' is not ready.
    try? await withDeadline(Self.patience, operation: "read the store") { [store] in
      (try await store.agentUIDs(), try await store.newestWholeVerification())
    }
  }

  private func addAgents(_ agents: [AgentUID]?, to exposition: inout Exposition) {
    guard let agents else {
      exposition.add(PlatformMetrics.agents, [])
      return exposition.add(PlatformMetrics.layers, [])
    }
    let (observed, isReachable) = (view.agents, view.failure == nil)
    var phases = Dictionary(uniqueKeysWithValues: AgentPhase.allCases.map { ($0, 0) })
    var layers: [LabelValues: Int] = [:]
    for uid in agents {
      let seen = observed[uid]
      phases[seen?.phase ?? .pending, default: 0] += 1
      for layer in seen?.layers ?? [] {
        let state = isReachable ? layer.state : .unknown
        layers[[layer.layer, state.rawValue], default: 0] += 1
      }
      layers[["admission", admission.layer(of: uid).state.rawValue], default: 0] += 1
    }
    exposition.add(
      PlatformMetrics.agents,
      AgentPhase.allCases.map { ([$0.rawValue], Double(phases[$0] ?? 0)) })
    // A layer that is known has all its states: one that fails for the first time is a rise from 0.
    let names = Set(layers.keys.compactMap(\.first)).sorted()
    exposition.add(
      PlatformMetrics.layers,
      names.flatMap { name in
        LayerStatus.State.allCases.map { ([name, $0.rawValue], Double(layers[[name, $0.rawValue]] ?? 0)) }
      })
  }

  private func addVerification(_ newest: VerificationResource?, to exposition: inout Exposition) {
    exposition.add(PlatformMetrics.verifiedAt, newest?.startedAt.timeIntervalSince1970)
    let verdicts =
      newest.map { newest in
        [
          ("proven", newest.summary.proven), ("failed", newest.summary.failed),
          ("notTestable", newest.summary.notTestable), ("waived", newest.summary.waived),
        ]
      } ?? []
    exposition.add(PlatformMetrics.checks, verdicts.map { ([$0.0], Double($0.1)) })
  }

  private func addAudit(to exposition: inout Exposition) async {
    let head = try? await withDeadline(Self.patience, operation: "read the audit log's head") { [audit] in
      try await audit.log.head()
    }  // Without one there is no series.
    exposition.add(PlatformMetrics.auditRecords, head.map { Double($0.size) })
    exposition.add(PlatformMetrics.auditBytes, Double(audit.log.byteCount))
    exposition.add(audit.metrics.appends)
    exposition.add(audit.metrics.failures)
  }

  private func addComponents(isStoreReadable: Bool, to exposition: inout Exposition) {
    let now = Date.now
    let (seal, gatewayCounts) = (watch.seal, watch.gatewayCounts)
    let isNodeReachable = view.failure == nil
    var ready = [
      ("admission", admissionComponent.state == "ready"), ("audit", audit.failure == nil), ("node", isNodeReachable),
      ("store", isStoreReadable), ("vault", seal.isAnswering(at: now) && seal.value == false),
    ]
    if let gatewayCounts { ready.append(("gateway", gatewayCounts.isAnswering(at: now))) }
    ready += (view.description?.services ?? []).map { ($0.name, isNodeReachable && $0.state == .ready) }
    let answers = [
      ("gateway", gatewayCounts?.answeredAt), ("node", view.answeredAt), ("vault", seal.answeredAt),
    ]
    exposition.add(PlatformMetrics.ready, ready.map { ([$0.0], $0.1 ? 1 : 0) })
    exposition.add(
      PlatformMetrics.lastAnswer,
      answers.compactMap { name, time in time.map { ([name], $0.timeIntervalSince1970) } })
    exposition.add(PlatformMetrics.sealed, seal.value.map { $0 ? 1 : 0 })
    let responses = (gatewayCounts?.value?.responses ?? [:]).sorted { $0.key < $1.key }
    exposition.add(PlatformMetrics.gatewayResponses, responses.map { ([$0.key], Double($0.value)) })
    exposition.add(PlatformMetrics.gatewayRateLimited, gatewayCounts?.value?.rateLimited.map(Double.init))
  }

  private func addCertificates(to exposition: inout Exposition) async {
    let ends = [
      ("gateway", await gateway?.certificateEnd(at: .now)),
      ("intermediate", identity?.authority.intermediateValidity?.notAfter),
      // Beside a root that is being replaced stands its successor, and what ends with the former is renewed before.
      ("root", identity?.authority.bundle.anchors.map(\.notAfter).max()),
    ]
    exposition.add(
      PlatformMetrics.certificates,
      ends.compactMap { name, end in end.map { ([name], $0.timeIntervalSince1970) } })
  }
}
