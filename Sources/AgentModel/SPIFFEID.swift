/// Names a workload: `spiffe://<trust domain>/<path>` (SPIFFE-ID §2).
///
/// Agents are `/ns/<tenant>/agent/<name>`, the platform's own processes `/ns/system/<service>`. An agent of a tenant
/// called "system" has one segment more than any service, so the two never meet.
package struct SPIFFEID: ParsedText {
  package let trustDomain: TrustDomain
  /// The path with its leading slash.
  package let path: String
  package static let rule = "a SPIFFE id: spiffe://<trust domain>/<path>, at most 2048 bytes, no empty or dot segment"
  private static let scheme = "spiffe://"
  /// Longest id (SPIFFE-ID §2.3), in bytes.
  private static let longest = 2048

  /// The platform's processes that have an identity.
  package enum Service: String, Sendable, Codable, CaseIterable {
    case controlPlane = "control-plane"
    case gateway
    /// Root of the machine.
    case `operator`
    case proxy
  }

  package init?(_ text: String) {
    guard text.utf8.count <= Self.longest, text.hasPrefix(Self.scheme) else { return nil }
    let rest = text.dropFirst(Self.scheme.count)
    guard let slash = rest.firstIndex(of: "/"), let domain = TrustDomain(String(rest[..<slash])) else { return nil }
    let path = rest[slash...]
    let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    guard segments.allSatisfy(Self.isSegment) else { return nil }
    trustDomain = domain
    self.path = String(path)
  }

  private init(trustDomain: TrustDomain, path: String) {
    self.trustDomain = trustDomain
    self.path = path
  }

  package static func agent(_ id: AgentID, in domain: TrustDomain) -> SPIFFEID {
    SPIFFEID(trustDomain: domain, path: "/ns/\(id.tenant)/agent/\(id.name)")
  }

  package static func service(_ service: Service, in domain: TrustDomain) -> SPIFFEID {
    SPIFFEID(trustDomain: domain, path: "/ns/system/\(service.rawValue)")
  }

  package var description: String { "\(Self.scheme)\(trustDomain)\(path)" }

  /// The agent that the id names; `nil` for anything else.
  package var agent: AgentID? {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 5, parts[1] == "ns", parts[3] == "agent", let tenant = TenantName(String(parts[2])),
      let name = AgentName(String(parts[4]))
    else { return nil }
    return AgentID(tenant: tenant, name: name)
  }

  /// The service of the platform that the id names; `nil` for anything else.
  package var service: Service? {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 4, parts[1] == "ns", parts[2] == "system" else { return nil }
    return Service(rawValue: String(parts[3]))
  }

  /// SPIFFE-ID §2.2: letters, digits, '.', '-' and '_'; neither empty nor relative.
  private static func isSegment(_ segment: Substring) -> Bool {
    guard !segment.isEmpty, segment != ".", segment != ".." else { return false }
    return segment.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
  }
}
