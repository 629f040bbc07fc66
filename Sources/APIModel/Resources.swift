import AgentModel
import Faults
import FoundationEssentials

/// An error as the API tells it: `application/problem+json` (RFC 9457), with the fault's parts as extension members.
package struct Problem: Sendable, Codable {
  package var type: String
  package var title: String
  package var status: Int
  package var detail: String
  package var fault: Fault

  package init(status: Int, title: String, fault: Fault) {
    type = "https://lobstack.dev/problems/\(fault.code)"
    self.title = title
    self.status = status
    detail = fault.description
    self.fault = fault
  }
}

/// What a bearer token, or the peer of the Unix socket, may do.
package enum Role: String, Sendable, Codable, CaseIterable {
  /// Everything, in every tenant.
  case admin
  /// Creates, changes, runs programs in and deletes the agents of its tenant.
  case `operator`
  /// Reads the agents of its tenant.
  case viewer
}

package struct TokenResource: Hashable, Sendable, Codable {
  package var id: String
  package var name: String
  package var role: Role
  /// `nil` for a role that is not bound to a tenant.
  package var tenant: TenantName?
  package var createdAt: Date
  package var expiresAt: Date?
  package var lastUsedAt: Date?

  package init(
    id: String, name: String, role: Role, tenant: TenantName?, createdAt: Date, expiresAt: Date?, lastUsedAt: Date?
  ) {
    self.id = id
    self.name = name
    self.role = role
    self.tenant = tenant
    self.createdAt = createdAt
    self.expiresAt = expiresAt
    self.lastUsedAt = lastUsedAt
  }
}

package struct TokenRequest: Sendable, Codable {
  package var name: String
  package var role: Role
  package var tenant: TenantName?
  package var expiresInSeconds: Int?

  package init(name: String, role: Role, tenant: TenantName?, expiresInSeconds: Int?) {
    self.name = name
    self.role = role
    self.tenant = tenant
    self.expiresInSeconds = expiresInSeconds
  }
}

/// A token just made: the only time its secret is shown.
package struct CreatedToken: Sendable, Codable {
  package var token: TokenResource
  package var secret: String

  package init(token: TokenResource, secret: String) {
    self.token = token
    self.secret = secret
  }
}

/// What an agent tried and was refused, by the firewall, the node proxy or the resolver; counted over a short while.
package struct DenialResource: Hashable, Sendable, Codable {
  package var time: Date
  /// Whose packets they were; the control plane tells it from `interface`.
  package var agent: AgentID?
  /// The host's end of the agent's network, which no packet can forge.
  package var interface: String?
  /// What refused it: a rule of the firewall (`spoof`, `egress`, `ingress`, `host`, …), of the proxy or of the resolver.
  package var rule: String
  package var `protocol`: String
  package var source: String
  package var destination: String
  package var port: UInt16?
  /// The name that was asked for, or called.
  package var host: String?
  package var method: String?
  /// Without its query.
  package var path: String?
  /// Why, in the words of whoever refused it.
  package var details: String?
  /// What to add to the agent, if this was meant to be allowed; the control plane says it.
  package var remedy: String?
  package var count: Int

  package init(
    time: Date, agent: AgentID?, interface: String? = nil, rule: String, protocol: String, source: String,
    destination: String, port: UInt16?, host: String? = nil, method: String? = nil, path: String? = nil,
    details: String? = nil, remedy: String? = nil, count: Int
  ) {
    self.time = time
    self.agent = agent
    self.interface = interface
    self.rule = rule
    self.protocol = `protocol`
    self.source = source
    self.destination = destination
    self.port = port
    self.host = host
    self.method = method
    self.path = path
    self.details = details
    self.remedy = remedy
    self.count = count
  }
}

/// One record of the audit log with its place.
package struct AuditRecordResource: Hashable, Sendable, Codable {
  package var index: UInt64
  package var time: Date
  package var actor: String
  package var action: String
  /// What was acted on: "agent acme/support-bot".
  package var target: String
  /// `allowed`, `denied`, `failed`, or a phase reached.
  package var outcome: String
  package var details: [String: String]
  /// Leaf hash, hexadecimal.
  package var leafHash: String

  package init(
    index: UInt64, time: Date, actor: String, action: String, target: String, outcome: String,
    details: [String: String], leafHash: String
  ) {
    self.index = index
    self.time = time
    self.actor = actor
    self.action = action
    self.target = target
    self.outcome = outcome
    self.details = details
    self.leafHash = leafHash
  }
}

/// How the platform does: the answer to `lobstack status`.
package struct PlatformStatus: Sendable, Codable {
  package var version: String
  package var instance: String
  package var components: [Component]
  package var agents: [String: Int]
  package var audit: AuditHead?

  package struct Component: Sendable, Codable {
    package var name: String
    /// `ready`, `degraded` or `down`.
    package var state: String
    package var detail: String

    package init(name: String, state: String, detail: String) {
      self.name = name
      self.state = state
      self.detail = detail
    }
  }

  package struct AuditHead: Sendable, Codable {
    package var size: UInt64
    package var rootHash: String
    /// The first record that is not archived; absent when none is.
    package var first: UInt64?

    package init(size: UInt64, rootHash: String, first: UInt64? = nil) {
      self.size = size
      self.rootHash = rootHash
      self.first = first
    }
  }

  package init(
    version: String, instance: String, components: [Component], agents: [String: Int], audit: AuditHead?
  ) {
    self.version = version
    self.instance = instance
    self.components = components
    self.agents = agents
    self.audit = audit
  }
}
