import AgentModel
import Foundation

/// A browser's login.
package struct SessionResource: Hashable, Sendable, Codable {
  /// `token:NAME`, as audit records call the caller.
  package var name: String
  package var role: Role?
  package var tenant: TenantName?
  /// To be sent as `x-csrf-token` with every request that changes something.
  package var csrfToken: String
  package var expiresAt: Date

  package init(name: String, role: Role?, tenant: TenantName?, csrfToken: String, expiresAt: Date) {
    self.name = name
    self.role = role
    self.tenant = tenant
    self.csrfToken = csrfToken
    self.expiresAt = expiresAt
  }
}
