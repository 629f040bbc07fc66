import APIModel

/// What `lobstack verify` does on the platform that it attacks: no evidence of how people and agents use it.
package enum Probe {
  /// The tenant of its agents.
  package static let tenant = "lobstack-verify"
  /// Of a tenant that its agents must not be seen by.
  package static let otherTenant = "lobstack-verify-other"

  /// Whether it is one of those that verify attacks in.
  package static func isTenant(_ name: some StringProtocol) -> Bool { name == tenant || name == otherTenant }

  /// Whether a record tells of a probe's act, by the tenant that stands in it. A user may have such a name stand in a
  /// record: that can only take from what is evidence, and hides nothing that failed.
  static func isSubject(of record: AuditRecordResource) -> Bool {
    let words = [record.target, record.actor].joined(separator: " ").split { " /:".contains($0) }
    return words.contains(where: isTenant) || record.details["tenant"].map(isTenant) ?? false
  }
}
