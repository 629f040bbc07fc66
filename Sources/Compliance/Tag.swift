/// An identifier of another catalogue.
package struct Tag: Sendable, Hashable, CustomStringConvertible {
  package enum Catalogue: String, Sendable, CaseIterable {
    /// CIS Kubernetes Benchmark 1.12.
    case cis = "CIS"
    /// NSA and CISA, Kubernetes Hardening Guidance 1.2, by the names of its sections.
    case nsa = "NSA"
    /// OWASP Top 10 for Agentic Applications 2026 (ASI), OWASP Agentic AI – Threats and Mitigations 1.0 (T).
    case owasp = "OWASP"
  }

  package var catalogue: Catalogue
  package var id: String

  package var description: String { "\(catalogue.rawValue) \(id)" }

  static func cis(_ id: String) -> Tag { Tag(catalogue: .cis, id: id) }
  static func nsa(_ section: String) -> Tag { Tag(catalogue: .nsa, id: section) }
  static func owasp(_ id: String) -> Tag { Tag(catalogue: .owasp, id: id) }

  /// What the identifiers that are used are called there, shortened; of NSA's sections the name is the identifier.
  package static let names: [String: String] = [
    "CIS 3.2.2": "the audit policy covers key security concerns",
    "CIS 5.1.6": "service account tokens only where necessary", "CIS 5.2.1": "an active policy control mechanism",
    "CIS 5.2.2": "no privileged containers", "CIS 5.2.6": "no allowPrivilegeEscalation",
    "CIS 5.2.7": "no root containers", "CIS 5.2.9": "no assigned capabilities",
    "CIS 5.3.2": "network policies everywhere", "CIS 5.4.1": "secrets as files, not as environment variables",
    "CIS 5.4.2": "external secret storage",
    "OWASP ASI02": "Tool Misuse and Exploitation", "OWASP ASI03": "Identity and Privilege Abuse",
    "OWASP ASI05": "Unexpected Code Execution", "OWASP ASI07": "Insecure Inter-Agent Communication",
    "OWASP ASI08": "Cascading Failures", "OWASP ASI10": "Rogue Agents", "OWASP T2": "Tool Misuse",
    "OWASP T3": "Privilege Compromise", "OWASP T4": "Resource Overload",
    "OWASP T8": "Repudiation & Untraceability", "OWASP T9": "Identity Spoofing & Impersonation",
    "OWASP T11": "Unexpected RCE and Code Attacks", "OWASP T12": "Agent Communication Poisoning",
    "OWASP T13": "Rogue Agents in Multi-Agent Systems",
  ]

  /// Sections of the guidance that are used.
  package static let sections: Set<String> = [
    "Audit Logging and Threat Detection", "Authentication and authorization", "Encryption",
    "Immutable container file systems", "Network policies",
    "Network separation and hardening", "Non-root containers and \"rootless\" container engines",
    "Pod security enforcement",
    "Protecting Pod service account tokens", "Resource policies", "Secrets",
  ]
}
