extension Control {
  /// What `lobstack verify` attacks: the promises of SPECIFICATION.md.
  static let checks: [Control] = [
    check("ISO-1", "the guest's kernel is gVisor's", ["CC6.1"], [.owasp("ASI05"), .owasp("T11")]),
    check(
      "ISO-2", "the root file system is read-only", ["CC6.1", "CC6.8"], [.nsa("Immutable container file systems")]),
    check(
      "ISO-3", "agents are not root, have no capabilities and no way to get them", ["CC6.1", "CC6.3"],
      [
        .cis("5.2.6"), .cis("5.2.7"), .cis("5.2.9"), .nsa(rootless), .owasp("ASI03"), .owasp("T3"),
      ]),
    check(
      "ISO-4", "limits of memory, CPU and processes hold", ["CC6.1", "A1.1"], [.nsa("Resource policies"), .owasp("T4")]),
    check("ISO-5", "no file of the host can be reached", ["CC6.1", "CC6.7"], [.owasp("ASI05")]),
    check(
      "ISO-6", "no file, process or memory of another agent can be reached", ["CC6.1", "CC6.7", "C1.1"],
      [.owasp("ASI10"), .owasp("T13")]),

    check("NET-1", "nothing reaches an agent but the gateway path", ["CC6.1", "CC6.6"], network),
    check(
      "NET-2", "agents cannot reach one another", ["CC6.1", "CC6.6"], network + [.owasp("ASI10"), .owasp("T13")]),
    check(
      "NET-3", "agents reach the hosts of their list and nothing else", ["CC6.1", "CC6.6", "CC6.7"],
      network + [.owasp("ASI02"), .owasp("T2")]),
    check(
      "NET-4", "private, metadata and host addresses are closed, also behind a name", ["CC6.1", "CC6.6"],
      [.nsa("Network separation and hardening"), .owasp("ASI02")]),
    check(
      "NET-5", "DNS knows only an agent's names, and nothing that is asked leaves", ["CC6.1", "CC6.6", "CC6.7"],
      [.nsa("Network separation and hardening"), .owasp("ASI02")]),
    check("NET-6", "IPv6, UDP, ICMP and raw packets are as closed as TCP", ["CC6.1", "CC6.6"], network),
    check("NET-7", "packets with a forged sender are dropped", ["CC6.1", "CC6.6"], network),

    check("MTLS-1", "the gateway speaks TLS 1.3 only", ["CC6.1", "CC6.6", "CC6.7"], [.nsa("Encryption")]),
    check(
      "MTLS-2", "every inner listener refuses who does not show the right certificate",
      ["CC6.1", "CC6.3", "CC6.7"],
      [
        .nsa("Encryption"), .nsa("Authentication and authorization"), .owasp("ASI07"), .owasp("T9"), .owasp("T12"),
      ]),
    check("MTLS-3", "certificates are renewed with no failed request", ["CC6.1", "A1.2"], [.nsa("Encryption")]),
    check(
      "MTLS-4", "an agent's request never travels under another agent's identity", ["CC6.1", "CC6.3"],
      [.owasp("ASI03"), .owasp("T9")]),

    check(
      "SEC-1", "an agent reads its own secrets and no other", ["CC6.1", "CC6.3", "C1.1"],
      [.cis("5.4.2"), .nsa("Secrets"), .owasp("ASI03")]),
    check(
      "SEC-2", "a credential that the proxy adds is nowhere in the sandbox", ["CC6.1", "CC6.7", "C1.1"],
      [.cis("5.4.1"), .nsa("Secrets"), .owasp("ASI03")]),
    check(
      "SEC-3", "keys are AES-256-GCM keys that rotate every 90 days, each agent's its own", ["CC6.1", "C1.1"],
      [.nsa("Encryption"), .nsa("Secrets")]),
    check(
      "SEC-4", "nothing secret can be read on the disk or in others' memory", ["CC6.1", "C1.1"],
      [.nsa("Encryption"), .nsa("Secrets")]),
    check("SEC-5", "what a deleted agent had cannot be opened any more", ["CC6.5", "C1.2"], []),
    check(
      "SEC-6", "no Kubernetes or service-account token is in a sandbox", ["CC6.1"],
      [.cis("5.1.6"), .nsa("Protecting Pod service account tokens")]),

    check("ADM-1", "objects without the required labels are refused", ["CC8.1"], []),
    check(
      "ADM-2", "privileged containers are refused", ["CC6.1", "CC6.8", "CC8.1"],
      [.cis("5.2.2"), .nsa("Pod security enforcement")]),
    check(
      "ADM-3", "containers without limits are refused", ["CC8.1", "A1.1"], [.nsa("Resource policies"), .owasp("T4")]),
    check(
      "ADM-4", "containers that may run as root are refused", ["CC6.1", "CC6.8", "CC8.1"],
      [.cis("5.2.7"), .nsa(rootless)]),
    check("ADM-5", "images whose tag may change are told of", ["CC6.8", "CC8.1"], []),
    check(
      "ADM-6", "nothing is created while the policies are broken, missing or too slow", ["CC6.8", "CC8.1"],
      [.cis("5.2.1"), .nsa("Pod security enforcement")]),

    check(
      "DET-1", "a shell in a sandbox raises an alert", ["CC6.8", "CC7.2", "CC7.3"],
      [.nsa(detection), .owasp("ASI05"), .owasp("T11")]),
    check(
      "DET-2", "attempts to gain privileges raise an alert", ["CC7.2", "CC7.3"],
      [.nsa(detection), .owasp("ASI03"), .owasp("T3")]),
    check("DET-3", "a miner raises an alert", ["CC6.8", "CC7.2", "CC7.3"], [.nsa(detection)]),
    check(
      "DET-4", "reading secrets and tokens raises an alert", ["CC7.2", "CC7.3"], [.nsa(detection), .owasp("ASI03")]),
    check("DET-5", "reaching for the Kubernetes API raises an alert", ["CC7.2", "CC7.3"], [.nsa(detection)]),
    check("DET-6", "opening sensitive files raises an alert", ["CC7.2", "CC7.3"], [.nsa(detection)]),
    check("DET-7", "a connection to another port than 443 raises an alert", ["CC7.2", "CC7.3"], [.nsa(detection)]),
    check(
      "DET-8", "events that could not be told raise an alert", ["CC7.2"], [.nsa(detection), .owasp("T8")]),
    check(
      "DET-9", "the response to an attack follows: kill, freeze, quarantine", ["CC7.3", "CC7.4"],
      [.nsa(detection), .owasp("ASI10"), .owasp("T13")]),

    check(
      "AUD-1", "every create and exec is recorded", ["CC7.2", "CC7.3"], [.cis("3.2.2"), .nsa(detection), .owasp("T8")]),
    check(
      "AUD-2", "a changed, dropped, moved or cut record is found and named", ["CC7.2", "CC7.3"],
      [.nsa(detection), .owasp("T8")]),
    check("AUD-3", "no secret's value is in an audit log", ["CC7.2", "C1.1"], [.nsa("Secrets")]),
    check("AUD-4", "what cannot be recorded is refused", ["CC7.2", "CC7.3"], [.nsa(detection), .owasp("T8")]),
    check(
      "REL-1", "a killed platform leaves its agents running and takes them up again", ["A1.2", "CC7.5"],
      [.owasp("ASI08")]),
    check(
      "REL-2", "with an enforcer stopped nothing opens, and it comes back by itself", ["A1.2", "CC7.5"],
      [.owasp("ASI08")]),
  ]

  private static let network: [Tag] = [.cis("5.3.2"), .nsa("Network policies")]
  private static let rootless = "Non-root containers and \"rootless\" container engines"
  private static let detection = "Audit Logging and Threat Detection"

  private static func check(_ id: String, _ title: String, _ criteria: [String], _ tags: [Tag]) -> Control {
    Control(id: id, title: title, criteria: criteria, tags: tags, source: .check)
  }
}
