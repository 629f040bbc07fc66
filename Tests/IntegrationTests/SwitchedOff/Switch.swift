/// How a check's control is switched off.
struct Switch: Sendable {
  var check: String
  /// What is left out, in words.
  var control: String
  /// Stands in the evidence of the failure that follows, and of no other.
  var evidence: String

  init(_ check: String, _ control: String, _ evidence: String) {
    (self.check, self.control, self.evidence) = (check, control, evidence)
  }
}

extension Switch {
  // Grouped by what can be off at the same time.

  static let policies = [
    Switch("DET-1", "the rule is disabled", "start a shell: SUCCEEDED"),
    Switch("DET-2", "the rule is disabled", "run su: SUCCEEDED"),
    Switch("DET-3", "the rule is disabled", "run a miner: SUCCEEDED"),
    Switch("DET-4", "the rule is disabled", "read a vault token: SUCCEEDED"),
    Switch("DET-5", "the rule is disabled", "reach the Kubernetes API: SUCCEEDED"),
    Switch("DET-6", "the rule is disabled", "open /etc/shadow: SUCCEEDED"),
    Switch("DET-7", "the rule is disabled", "connect to port 8081: SUCCEEDED"),
    Switch("DET-9", "no rule asks for the response", "response kill: SUCCEEDED"),
    Switch("ADM-1", "the constraint is removed", "no app.kubernetes.io/name: SUCCEEDED"),
    Switch("ADM-2", "the constraint is removed", "a privileged container: SUCCEEDED"),
    Switch("ADM-3", "the constraint is removed", "no CPU limit: SUCCEEDED"),
    Switch("ADM-4", "the constraint is removed", "user 0: SUCCEEDED"),
    Switch("ADM-5", "the constraint is removed", "the tag latest: SUCCEEDED"),
    Switch("SEC-1", "agents' tokens may do everything", "read another agent's secret: SUCCEEDED"),
    Switch("SEC-3", "agents' tokens may do everything", "unwrap the key of another agent's workspace: SUCCEEDED"),
    Switch("SEC-4", "secrets are files on the disk", "/run/secrets/"),
    Switch("AUD-3", "the secrets manager's audit log is not hashed", "read a secret in the audit logs: SUCCEEDED"),
  ]

  static let sandbox = [
    Switch("ISO-2", "the root is mounted to be written", "write to the root file system: SUCCEEDED"),
    Switch("ISO-3", "the program is root with capabilities", "hold a capability: SUCCEEDED"),
    Switch("ISO-4", "processes are not limited", "more processes than allowed: SUCCEEDED"),
    Switch("ISO-5", "a directory of the host is mounted", "read a file of the host: SUCCEEDED"),
    Switch("ISO-6", "all workspaces are mounted", "find what belongs to another agent: SUCCEEDED"),
    Switch("SEC-2", "the key is in the environment", "find the key: SUCCEEDED"),
    Switch("MTLS-3", "the proxy starts anew for a new certificate", "lose a request: SUCCEEDED"),
    Switch("SEC-6", "the environment tells of Kubernetes", "find a service-account token: SUCCEEDED"),
  ]

  static let processes = [
    Switch("ISO-1", "programs run on the host's kernel", "ask for the kernel: SUCCEEDED"),
    Switch("DET-8", "gVisor does not tell of programs", "hide a program behind a command line of 350 kB: SUCCEEDED"),
    Switch("SEC-5", "keys of workspaces are not destroyed", "open a copy of a deleted agent's workspace: SUCCEEDED"),
    Switch("MTLS-1", "the gateway takes older versions", "speak TLS 1.2: SUCCEEDED"),
    Switch("AUD-1", "the log's records are lost", "act without a trace: SUCCEEDED"),
  ]

  static let mesh = [
    Switch("NET-1", "the gateway does not ask who calls", "without a token: SUCCEEDED"),
    Switch("NET-3", "the node proxy takes every name", "a host off the list that exists: SUCCEEDED"),
    Switch("MTLS-2", "the agents' listener takes everybody", "no certificate at the agents' listener: SUCCEEDED"),
    Switch("MTLS-4", "all agents' requests go by one certificate", "travel under the other's identity: SUCCEEDED"),
    Switch("ADM-6", "the control plane never reads its policies again", "a policy is no YAML: SUCCEEDED"),
    Switch("AUD-2", "the log has no seals", "the platform's own log does not verify"),
    Switch("AUD-4", "the control plane does not notice a full disk", "act while the log cannot be written: SUCCEEDED"),
  ]

  static let network = [
    Switch("NET-1", "the firewall drops nothing", "fetch the agent's page from the host: SUCCEEDED"),
    Switch("NET-2", "the firewall drops nothing", "connect to the neighbour's server: SUCCEEDED"),
    Switch("NET-4", "the firewall drops nothing", "connect to 169.254.169.254 port 80: SUCCEEDED"),
    Switch("NET-5", "the firewall drops and leads nothing", "a query over UDP: SUCCEEDED"),
    Switch("NET-6", "the firewall drops nothing", "inject an unknown protocol: SUCCEEDED"),
    Switch("NET-7", "the firewall drops nothing, and the routes fit", "forge a stranger's address, UDP: SUCCEEDED"),
  ]

  static let outages =
    [Switch("REL-1", "sandboxes end with the platform", "stopped with the platform")]
    + [
      "", "-GATEWAY", "-PROXY", "-SENTINEL", "-NODE", "-CONTROL-PLANE", "-VAULT", "-SUPERVISOR",
    ].map { Switch("REL-2\($0)", "sandboxes stand still with the platform", "did not run on") } + [
      Switch(
        "REL-2-ADMISSION", "the control plane never reads its policies again",
        "start an agent, with its policies broken: SUCCEEDED"),
      Switch(
        "REL-2-AUDIT", "the control plane does not notice a full disk",
        "use the audit, with its audit log not writable: SUCCEEDED"),
      Switch(
        "REL-2-FIREWALL", "the node reads back what was there before", "take the firewall's table away: SUCCEEDED"),
    ]

  static let all = policies + sandbox + processes + mesh + network + outages
}
