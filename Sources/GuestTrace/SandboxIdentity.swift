/// Whose sandbox it is, for the fields of its events.
package final class SandboxIdentity: Sendable {
  /// `<instance>.<agent uid>` on one machine, the container's id on a cluster.
  package let container: String
  package let agent: String
  package let tenant: String
  package let uid: String
  /// Where the agent's Pod is; on one machine its tenant.
  package let namespace: String
  package let tier: String
  package let image: String
  package let imageRepository: String
  package let imageTag: String
  /// Nanoseconds since 1970.
  package let start: UInt64

  package init(
    container: String, agent: String, tenant: String, uid: String, namespace: String? = nil, tier: String,
    image: String, start: UInt64
  ) {
    self.container = container
    self.agent = agent
    self.tenant = tenant
    self.uid = uid
    self.namespace = namespace ?? tenant
    self.tier = tier
    self.image = image
    self.start = start
    // `oci:/srv/images/bot:1.4`: the tag is behind the last colon, unless a slash comes after that.
    let parts = image.split(separator: ":", omittingEmptySubsequences: false)
    let name = parts.count > 1 && !(parts.last?.contains("/") ?? true) ? parts.dropLast().joined(separator: ":") : image
    imageRepository = name
    imageTag = name == image ? "" : String(parts.last ?? "")
  }
}
