/// Where one instance keeps its files, and what it calls its objects in the kernel.
///
/// Everything lies below one directory, so that removing the directory removes every file. The parent directory is
/// `--state-dir`, by default `/var/lib/lobstack`.
package struct InstanceLayout: Hashable, Sendable {
  package static let defaultStateDirectory = "/var/lib/lobstack"

  package let instance: InstanceName
  package let root: String

  package init(stateDirectory: String = InstanceLayout.defaultStateDirectory, instance: InstanceName = .default) {
    self.instance = instance
    self.root = "\(stateDirectory)/\(instance)"
  }

  // Sockets, locks: 0755 root.
  package var runDirectory: String { "\(root)/run" }
  /// HTTP API, owned by the control plane.
  package var apiSocket: String { "\(apiDirectory)/api.sock" }
  /// Owned by uid lobstack, so that the control plane can bind its socket.
  package var apiDirectory: String { "\(runDirectory)/api" }
  /// The node's requests: only the control plane's uid and root may connect.
  package var nodeSocket: String { "\(runDirectory)/node.sock" }
  /// Where runsc tells the sentinel what happens in sandboxes: root alone.
  package var traceSocket: String { "\(runDirectory)/trace.sock" }
  /// The API over mutual TLS, for the gateway and for agents by way of the node proxy, who alone may pass its directory.
  package var meshSocket: String { "\(runDirectory)/mesh/mesh.sock" }
  /// The roots that vouch for the gateway and every workload, PEM: for everybody.
  package var trustBundle: String { "\(apiDirectory)/ca.pem" }
  /// The SPIFFE Workload API.
  package var workloadSocket: String { "\(apiDirectory)/workload.sock" }

  // The node proxy's: a file system in memory, because its files hold keys.
  package var proxyDirectory: String { "\(runDirectory)/proxy" }
  package var proxyBootstrap: String { "\(proxyDirectory)/bootstrap.json" }
  /// What the node writes and the proxy reads.
  package var proxyFiles: String { "\(proxyDirectory)/config" }
  /// Owned by the proxy's user: its administration socket, which root alone reaches beside it.
  package var proxyAdminSocket: String { "\(proxyDirectory)/admin/admin.sock" }
  /// Where the gateway reaches the agents.
  package var ingressSocket: String { "\(proxyDirectory)/ingress/ingress.sock" }
  package var proxyLogDirectory: String { "\(proxyDirectory)/log" }
  /// What the proxy refused, for the sentinel.
  package var proxyDenials: String { "\(proxyLogDirectory)/denials.jsonl" }
  /// The node's own: private keys of agents, root alone.
  package var identityKeysFile: String { "\(proxyDirectory)/keys/identities.json" }
  /// What agents may resolve, for the sentinel: written by the node.
  package var resolverTable: String { "\(runDirectory)/resolver/table.json" }

  // The gateway's: a file system in memory as well.
  package var gatewayDirectory: String { "\(runDirectory)/gateway" }
  package var gatewayBootstrap: String { "\(gatewayDirectory)/bootstrap.json" }
  /// What the control plane writes and the gateway reads.
  package var gatewayFiles: String { "\(gatewayDirectory)/config" }
  package var gatewayAdminSocket: String { "\(gatewayDirectory)/admin/admin.sock" }
  /// A line of JSON for each request of the gateway; written by its user alone.
  package var gatewayLog: String { "\(logDirectory)/access.jsonl" }

  // The secrets manager's: a file system in memory, because the key that unseals it lies there.
  package var vaultRunDirectory: String { "\(runDirectory)/vault" }
  package var vaultConfiguration: String { "\(vaultRunDirectory)/openbao.hcl" }
  /// Root's copy of the key, which the server's user may read.
  package var vaultSealCopy: String { "\(vaultRunDirectory)/seal.key" }
  package var vaultCertificate: String { "\(vaultRunDirectory)/tls.pem" }
  package var vaultCertificateKey: String { "\(vaultRunDirectory)/tls.key" }
  /// For the control plane and root.
  package var vaultSocket: String { "\(vaultRunDirectory)/api/vault.sock" }
  /// The records of the last minutes or hours, for the control plane.
  package var vaultRecentAudit: String { "\(vaultRunDirectory)/audit/audit.jsonl" }
  // The node's own, 0700 root: a file system in memory, because agents' environments stand in all of it.
  package var nodeMemoryDirectory: String { "\(runDirectory)/node" }
  /// What runsc is asked to tell.
  package var traceConfiguration: String { "\(nodeMemoryDirectory)/trace.json" }
  package var desiredStateFile: String { "\(nodeMemoryDirectory)/desired.json" }
  /// The firewall's table as the node put it in force.
  package var installedTableFile: String { "\(nodeMemoryDirectory)/firewall.json" }
  package var runtimeDirectory: String { "\(nodeMemoryDirectory)/runsc" }
  /// One directory per agent uid: what its sandbox is made from.
  package var bundlesDirectory: String { "\(nodeMemoryDirectory)/bundles" }
  /// What agents read at `/vault/secrets`, in a directory of each: a file system in memory.
  package var agentSecretsDirectory: String { "\(runDirectory)/secrets" }
  /// Where the secrets manager answers that is not the instance's own; the instance has its own without this file.
  package var vaultAddressFile: String { "\(runDirectory)/vault-address.json" }
  /// The trust domain that the platform was started with.
  package var trustDomainFile: String { "\(runDirectory)/trust-domain" }
  /// Who vouches for the secrets manager's own TLS, PEM: for everybody.
  package var vaultAuthority: String { "\(runDirectory)/vault-ca.pem" }

  // The secrets manager's: 0700 its user.
  package var vaultDirectory: String { "\(root)/vault" }
  package var vaultDataDirectory: String { "\(vaultDirectory)/data" }
  package var vaultAudit: String { "\(vaultDirectory)/audit/audit.jsonl" }

  // Root's own keys: 0700 root.
  package var keysDirectory: String { "\(root)/keys" }
  /// Unseals the secrets manager.
  package var vaultSealKey: String { "\(keysDirectory)/seal.key" }
  /// Says that people's shares unseal the secrets manager, and no key in a file.
  package var vaultSharesMark: String { "\(keysDirectory)/unsealed-by-shares" }
  /// By which root is the operator of the secrets manager.
  package var operatorKey: String { "\(keysDirectory)/operator.key" }
  /// By which the control plane is itself to the secrets manager.
  package var controlPlaneKey: String { "\(controlPlaneDirectory)/login.key" }

  /// Who vouches for the ACME directory, PEM: root's copy of the operator's file, for everybody to read.
  package var publicAuthorities: String { "\(runDirectory)/acme-authorities.pem" }

  /// Held locked by the supervisor as long as it runs; holds its process id.
  package var lockFile: String { "\(runDirectory)/supervisor.lock" }
  /// Held locked by a run of `verify` as long as it lives; says whose run it is.
  package var verificationLock: String { "\(runDirectory)/verify.lock" }
  /// Last changed when the schedule last began a run.
  package var verificationAttempt: String { "\(runDirectory)/verify.attempt" }

  // The control plane's: 0700 lobstack.
  package var controlPlaneDirectory: String { "\(root)/control-plane" }
  package var database: String { "\(controlPlaneDirectory)/lobstack.sqlite" }
  /// The key of the database's sensitive columns, wrapped by the secrets manager.
  package var storeKeyFile: String { "\(controlPlaneDirectory)/store.key" }
  package var auditDirectory: String { "\(controlPlaneDirectory)/audit" }
  /// Account and certificates of a public authority.
  package var publicCertificateDirectory: String { "\(controlPlaneDirectory)/acme" }

  // The node's: 0700 root.
  package var nodeDirectory: String { "\(root)/node" }
  package var imagesDirectory: String { "\(nodeDirectory)/images" }
  /// One directory per agent uid: record, log, workspace.
  package var agentsDirectory: String { "\(nodeDirectory)/agents" }

  /// What the kernel keeps the key of an agent's log under.
  package func logKeyName(_ uid: AgentUID) -> String { "lobstack:\(instance):\(uid)" }

  /// The copy of the program that the instance's processes run.
  ///
  /// A copy, because the original may lie where uid lobstack cannot go, and a rebuild must not change what runs.
  package var executable: String { "\(root)/bin/lobstack" }
  /// The policy in force: a copy of `policy/`, taken at start, owned by root.
  package var policyDirectory: String { "\(root)/policy" }
  /// Logs of the platform's own processes.
  package var logDirectory: String { "\(root)/log" }

  /// A number of the instance for places that hold no name: NFLOG group, interface prefix.
  package var number: UInt16 { Self.number(of: instance.description) }

  /// FNV-1a, 16 bits, not 0.
  package static func number(of name: String) -> UInt16 {
    var hash: UInt32 = 2_166_136_261
    for byte in name.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
    let folded = UInt16(truncatingIfNeeded: hash ^ (hash >> 16))
    return folded == 0 ? 1 : folded
  }

  /// The user id of the instance's node proxy. Each instance has its own, so that its firewall knows its own proxy from
  /// another's; the range is free of system, container and systemd users (systemd's "Users, Groups, UIDs and GIDs").
  package var proxyUserID: UInt32 { 1_900_000_000 + UInt32(number) }
  /// The user id of the instance's gateway: another instance's gateway is nobody to this one.
  package var gatewayUserID: UInt32 { 1_900_065_536 + UInt32(number) }
  /// The user id of the instance's secrets manager.
  package var vaultUserID: UInt32 { 1_900_196_608 + UInt32(number) }
  /// Where the instance's secrets manager listens: an address of this machine alone, as all of 127.0.0.0/8 are.
  package var vaultAddress: String { "127.165.\(number >> 8).\(number & 0xff)" }
  /// The group of gateway and node proxy, for what both may reach.
  package var meshGroupID: UInt32 { 1_900_131_072 + UInt32(number) }

  /// The system users that the unprivileged processes run as; `scripts/setup` creates them.
  package enum User {
    package static let controlPlane = "lobstack"
    package static let sentinel = "lobstack-sentinel"
    package static let images = "lobstack-image"
  }

  /// The one user id of every agent, inside its sandbox and on the files of its workspace.
  package static let agentUserID: UInt32 = 10001
}
