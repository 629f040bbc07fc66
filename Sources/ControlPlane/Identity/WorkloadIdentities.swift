import AgentModel
import CertificateAuthority
import Logging
import ServiceLifecycle
import WorkloadAPI

/// The SPIFFE Workload API of this machine: which user is which of the platform's services.
struct WorkloadIdentities: Service {
  let layout: InstanceLayout
  let identity: IdentityAuthority
  let audit: AuditTrail
  let logger: Logger

  func run() async throws {
    let domain = identity.trustDomain
    let users: [UInt32: [SPIFFEID]] = [
      layout.proxyUserID: [.service(.proxy, in: domain)], layout.gatewayUserID: [.service(.gateway, in: domain)],
    ]
    let server = WorkloadServer(
      socket: layout.workloadSocket, authority: identity.authority, table: WorkloadTable(users), logger: logger,
      record: { [audit] issued in try await audit.require(AuditEvent(issued)) })
    try await cancelWhenGracefulShutdown { try await server.run() }
  }
}

extension AuditEvent {
  fileprivate init(_ issued: WorkloadServer.Issued) {
    switch issued {
    case .certificate(let svid):
      self.init(
        actor: "control-plane", action: "identity.issue", target: "identity \(svid.id)", outcome: "allowed",
        details: ["serial": svid.certificate.serial])
    case .token(let id, let audience):
      self.init(
        actor: "control-plane", action: "identity.token", target: "identity \(id)", outcome: "allowed",
        details: ["audience": nameList(audience)])
    }
  }
}
