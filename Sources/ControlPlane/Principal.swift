import APIModel
import AgentModel
import Faults

/// Who is at the other end of a connection, by the kernel's word.
package enum Peer: Hashable, Sendable {
  case unix(uid: UInt32)
  /// Over mutual TLS, with an X.509-SVID.
  case workload(SPIFFEID)
  /// Over TCP, or not to be told.
  case remote

  var isGateway: Bool { if case .workload(let id) = self { id.service == .gateway } else { false } }
}

/// Who makes a request.
package struct Principal: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    /// User id 0 on the Unix socket.
    case root
    /// The sentinel's user id on the Unix socket: may report denials and alerts, and nothing else.
    case sentinel
    case token(id: String, role: Role, tenant: TenantName?)
    /// An agent, by its certificate: may ask who it is and nothing else.
    case agent(AgentID)
    /// A user or service account of a cluster, which alone decides what it may do: it has no role here.
    case user(ClusterUser)
  }

  package let kind: Kind
  /// The actor of audit records: `root@unix`, `token:ci`.
  package let name: String

  package static let root = Principal(kind: .root, name: "root@unix")
  package static let sentinel = Principal(kind: .sentinel, name: "sentinel@unix")

  package init(kind: Kind, name: String) {
    self.kind = kind
    self.name = name
  }

  package var role: Role? {
    switch kind {
    case .root: .admin
    case .sentinel, .agent, .user: nil
    case .token(_, let role, _): role
    }
  }

  /// The tenant whose agents are all that the principal sees; `nil` for every tenant.
  package var tenant: TenantName? {
    switch kind {
    case .token(_, let role, let tenant): role == .admin ? nil : tenant
    case .agent(let id): id.tenant
    case .root, .sentinel, .user: nil
    }
  }

  /// Names the principal for rate limits and idempotency keys; not shown.
  var key: String {
    switch kind {
    case .root: "root"
    case .sentinel: "sentinel"
    case .token(let id, _, _): Self.key(ofToken: id)
    case .agent(let id): "agent:\(id)"
    case .user(let user): "user:\(user.name)"
    }
  }

  /// Names who calls, where the Pods of one service account are many callers.
  var callerKey: String { if case .user(let user) = kind { "user:\(user.caller)" } else { key } }

  static func key(ofToken id: String) -> String { "token:\(id)" }
}

/// What a request needs.
enum Permission: String, Sendable {
  case view
  case change
  case administer
  case reportDenials
  case reportAlerts
}

extension Principal {
  /// Whether the principal's role has the permission; tenants are another question.
  func has(_ permission: Permission) -> Bool {
    switch permission {
    case .view: role != nil
    case .change: role == .admin || role == .operator
    case .administer: role == .admin
    case .reportDenials, .reportAlerts: kind == .sentinel || kind == .root
    }
  }

  func sees(_ tenant: TenantName) -> Bool { role != nil && (self.tenant == nil || self.tenant == tenant) }
}
