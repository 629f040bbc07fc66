import GuestTrace

extension Platform {
  /// Where gVisor tells the node's sentinel what happens in sandboxes. The directory is the host's.
  static let traceDirectory = "/run/lobstack"
  static let traceSocket = "\(traceDirectory)/trace.sock"
  private static let runtimeOptions = "/etc/containerd/runsc.toml"
  private static let traceSession = "/etc/containerd/runsc-trace.json"
  private static let seccomp = "seccomp/agent.json"

  /// Files of machines, below directories as they lie there. Whoever makes the machines puts them in their places.
  ///
  /// - Throws: `Fault(.invalid)` when a file of the policy is missing.
  func nodes() throws -> [ManifestFile] {
    [
      ManifestFile("nodes/workers/etc/containerd/conf.d/lobstack-runsc.toml", text: Self.runtime, isApplied: false),
      ManifestFile("nodes/workers\(Self.runtimeOptions)", text: Self.options, isApplied: false),
      ManifestFile(
        "nodes/workers\(Self.traceSession)", configuration: TracePoints(socket: Self.traceSocket), .json),
      ManifestFile("nodes/workers/etc/tmpfiles.d/lobstack.conf", text: Self.directories, isApplied: false),
      ManifestFile(
        "nodes/workers/var/lib/kubelet/\(Self.seccomp)", text: try texts.text(Self.seccomp), isApplied: false),
      ManifestFile(
        "nodes/api-servers/etc/kubernetes/encryption-configuration.yaml", configuration: Self.encryption, .yaml,
        note: """
          # For 'kube-apiserver --encryption-provider-config'. It does not start with this text in the place of a key:
          # put one there on the machine itself, made with 'openssl rand -base64 32', the same for all API servers, and
          # make the file readable for root alone.

          """),
      ManifestFile(
        "nodes/api-servers/etc/kubernetes/audit-policy.yaml", configuration: Self.audit, .yaml,
        note: "# For 'kube-apiserver --audit-policy-file', with '--audit-log-path'.\n"),
    ]
  }

  /// The handler that the RuntimeClass names. No annotation of a Pod changes how its sandbox is made.
  private static let runtime = """
    # Read by containerd 2 when its config.toml has: imports = ["/etc/containerd/conf.d/*.toml"]
    version = 3

    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runsc]
      runtime_type = 'io.containerd.runsc.v1'

    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runsc.options]
      TypeUrl = 'io.containerd.runsc.v1.options'
      ConfigPath = '\(runtimeOptions)'

    """

  private static let options = """
    # Read by containerd-shim-runsc-v1. Its values are texts.
    log_path = "/var/log/runsc/%ID%/shim.log"
    log_level = "info"

    [runsc_config]
      platform = "systrap"
      network = "sandbox"
      # The profile of the Pod is in force inside the sandbox, too.
      oci-seccomp = "true"
      # No socket of the host can be opened, and nothing is written that the Pod's volumes do not have.
      host-uds = "none"
      overlay2 = "none"
      # Without the sentinel no sandbox starts.
      pod-init-config = "\(traceSession)"
      # As kubelet does by default; remove it where its cgroupDriver is cgroupfs.
      systemd-cgroup = "true"

    """

  /// The sentinel has no user on nodes. runsc is root's, and comes to its socket all the same.
  private static let directories = """
    # Read by systemd-tmpfiles, at each start of the machine. The sentinel's Pod does not start without the directory.
    d \(traceDirectory) 0700 \(sentinelUser) \(sentinelUser) -

    """

  private static let encryption = EncryptionConfiguration(resources: [
    EncryptionConfiguration.Rule(
      resources: ["secrets", "configmaps"],
      providers: [
        EncryptionConfiguration.Provider(
          aescbc: EncryptionConfiguration.Keys(keys: [
            EncryptionConfiguration.Key(name: "key1", secret: "<here 32 random bytes in base64>")
          ])),
        // To read what was stored before.
        EncryptionConfiguration.Provider(identity: EncryptionConfiguration.Identity()),
      ])
  ])

  private static let audit = AuditPolicy(rules: [
    AuditPolicy.Rule(
      level: .none, nonResourceURLs: ["/healthz*", "/livez*", "/readyz*", "/version", "/openapi/*", "/api", "/apis"]),
    // What holds secrets, or is one: never their contents.
    AuditPolicy.Rule(
      level: .metadata,
      resources: [
        AuditPolicy.Resources(group: "", resources: ["secrets", "configmaps", "serviceaccounts/token"]),
        AuditPolicy.Resources(group: "authentication.k8s.io", resources: ["tokenreviews"]),
        AuditPolicy.Resources(group: "certificates.k8s.io", resources: nil),
      ]),
    // What the cluster tells itself all the time.
    AuditPolicy.Rule(level: .none, resources: [AuditPolicy.Resources(group: "", resources: ["events"])]),
    AuditPolicy.Rule(level: .none, resources: [AuditPolicy.Resources(group: "events.k8s.io", resources: nil)]),
    AuditPolicy.Rule(
      level: .none, verbs: ["get", "update", "patch"],
      resources: [AuditPolicy.Resources(group: "coordination.k8s.io", resources: ["leases"])]),
    AuditPolicy.Rule(level: .none, userGroups: ["system:nodes"], verbs: ["get", "list", "watch"]),
    AuditPolicy.Rule(
      level: .none, users: ["system:kube-scheduler", "system:kube-controller-manager", "system:kube-proxy"],
      verbs: ["get", "list", "watch"]),
    // Agents: what was wished, by whom. Their state is reported often, and of it who did.
    AuditPolicy.Rule(
      level: .metadata, resources: [AuditPolicy.Resources(group: "lobstack.dev", resources: ["agents/status"])]),
    AuditPolicy.Rule(
      level: .requestResponse, verbs: Self.changes,
      resources: [AuditPolicy.Resources(group: "lobstack.dev", resources: nil)]),
    // Ways into a running container.
    AuditPolicy.Rule(
      level: .requestResponse,
      resources: [
        AuditPolicy.Resources(
          group: "", resources: ["pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers"])
      ]),
    // What keeps agents in their place.
    AuditPolicy.Rule(
      level: .requestResponse, verbs: Self.changes,
      resources: [
        AuditPolicy.Resources(group: "", resources: ["namespaces", "serviceaccounts", "resourcequotas", "limitranges"])
      ]
        + [
          "networking.k8s.io", "rbac.authorization.k8s.io", "admissionregistration.k8s.io", "node.k8s.io",
          "apiextensions.k8s.io", "security.istio.io", "networking.istio.io", "gateway.networking.k8s.io",
          "templates.gatekeeper.sh", "constraints.gatekeeper.sh", "config.gatekeeper.sh",
        ].map { AuditPolicy.Resources(group: $0, resources: nil) }),
    AuditPolicy.Rule(level: .metadata),
  ])

  private static let changes = ["create", "update", "patch", "delete", "deletecollection"]
}
