import Documents
import JSONValues
import Manifests

extension Platform {
  /// Port of Pods that tell how they do, and its name in their Services.
  static let metricsPort: UInt16 = 9464
  static let metricsPortName = "metrics"

  /// What the Prometheus operator and Grafana read: the same rules and the same dashboard as on one machine.
  ///
  /// - Throws: when the rule file is none, which a test of it would show.
  func monitoring() throws -> [ManifestFile] {
    guard values.profile == .full else { return [] }
    let rules = try Manifest.parseOne(
      String(decoding: PackageResources.lobstack_rules_yaml, as: UTF8.self), source: "lobstack.rules.yaml")
    let dashboard = String(decoding: PackageResources.lobstack_json, as: UTF8.self)
    var dashboardMeta = Self.meta("lobstack-dashboard", in: namespaceNames.monitoring, of: "monitoring")
    // Grafana's sidecar looks for it.
    dashboardMeta.labels?["grafana_dashboard"] = "1"
    return [
      ManifestFile(
        "monitoring/prometheus.yaml",
        [
          PrometheusRule(metadata: monitoringMeta, spec: JSON(rules)), ownRules, serviceMonitor,
          metrics(of: Self.operatorName, in: namespaceNames.controlPlane),
          metrics(of: Self.controlPlaneName, in: namespaceNames.controlPlane),
          metrics(of: Self.sentinelName, in: namespaceNames.sentinel), scrapers,
        ] + monitoringNetwork),
      ManifestFile(
        "monitoring/grafana.yaml", [ConfigMap(metadata: dashboardMeta, data: ["lobstack.json": dashboard])]),
    ]
  }

  private var monitoringMeta: ObjectMeta { Self.meta("lobstack", in: namespaceNames.monitoring, of: "monitoring") }

  /// Every Service of the platform that has a port for it, whichever program stands behind it.
  private var serviceMonitor: ServiceMonitor {
    ServiceMonitor(
      metadata: monitoringMeta,
      spec: ServiceMonitor.Spec(
        namespaceSelector: ServiceMonitor.Names(matchNames: [namespaceNames.controlPlane, namespaceNames.sentinel]),
        selector: LabelSelector(matchLabels: ["app.kubernetes.io/part-of": "lobstack"]),
        endpoints: [
          ServiceMonitor.Endpoint(
            port: Self.metricsPortName, path: "/metrics", scheme: "http", interval: "15s",
            relabelings: [
              // What the rules call it.
              ServiceMonitor.Relabeling(targetLabel: "job", replacement: "lobstack"),
              ServiceMonitor.Relabeling(sourceLabels: ["__meta_kubernetes_pod_name"], targetLabel: "instance"),
            ])
        ]))
  }

  /// What is to be told of on a cluster alone: one machine has no operator.
  private var ownRules: PrometheusRule {
    PrometheusRule(
      metadata: Self.meta("lobstack-cluster", in: namespaceNames.monitoring, of: "monitoring"),
      spec: [
        "groups": [
          [
            "name": "lobstack-operator",
            "rules": [
              Self.alert(
                "LobstackOperatorAbsent", "absent(lobstack_operator_leader == 1)", "5m", "critical",
                "No operator leads: changes of Agents wait, and what others change of theirs stays changed.",
                "See the Pods 'operator' in the control plane's namespace, and the Lease lobstack-operator."),
              Self.alert(
                "LobstackOperatorFailing",
                #"rate(lobstack_operator_reconciles_total{outcome="failed"}[10m]) > 0.1"#, "15m", "warning",
                "Agents are not as their documents say, again and again.",
                "See the conditions of the Agents whose phase is Failed, and the operator's log."),
            ],
          ],
          ["name": "lobstack-recorder", "rules": .array(recorderAlerts)],
        ]
      ])
  }

  /// Before its volume is full: what is told then is too late for the archive, which needs room itself.
  private var recorderAlerts: [JSON] {
    let free = "lobstack_audit_volume_free_bytes / lobstack_audit_volume_bytes"
    return [
      Self.alert(
        "LobstackAuditVolumeLow", "\(free) < 0.2", "5m", "warning",
        "The recorder's volume is nearly full: tenants share what is left, and changes of busy ones are refused (429).",
        "Enlarge the claim records-recorder-0, or set recorder.archive of the values."),
      Self.alert(
        "LobstackAuditVolumeReserve", "\(free) < 0.05", "1m", "critical",
        "The rest of the recorder's volume is reserved: the control plane refuses every change (507).",
        "Enlarge the claim records-recorder-0."),
      Self.alert(
        "LobstackAuditAlertsWithheld", "rate(lobstack_audit_withheld_total[10m]) > 0", "10m", "warning",
        "A tenant raises more alerts than its share of the audit log, which has their number alone.",
        "See the newest alerts of that tenant, and the rule or the agent that raises them."),
      Self.alert(
        "LobstackAuditNotArchived", #"increase(lobstack_audit_archivings_total{outcome="failed"}[3h]) > 0"#, "1h",
        "warning", "The audit log's oldest records are not archived, and stay on the recorder's volume.",
        "See the log of the Pod recorder-0, and what is free on the claim recorder-archive."),
    ]
  }

  private static func alert(
    _ name: String, _ expression: String, _ wait: String, _ severity: String, _ summary: String, _ action: String
  ) -> JSON {
    [
      "alert": .string(name), "expr": .string(expression), "for": .string(wait),
      "labels": ["severity": .string(severity)],
      "annotations": ["summary": .string(summary), "description": .string(action)],
    ]
  }

  /// Each of a program's Pods by its own address. As plain TCP, the mesh leads what asks for a Pod's address to that
  /// very Pod; of HTTP it would look for a service of that name.
  func metrics(of name: String, in namespace: String) -> Service {
    Service(
      metadata: Self.meta("\(name)-metrics", in: namespace, of: name),
      spec: Service.Spec(
        clusterIP: "None", selector: Self.selector(name).matchLabels ?? [:],
        ports: [
          Service.Port(
            name: Self.metricsPortName, port: Self.metricsPort, targetPort: .name(Self.metricsPortName),
            appProtocol: "tcp")
        ]))
  }

  /// Who may scrape over the mesh: whatever has an identity in the namespace of Prometheus.
  private var scrapers: AuthorizationPolicy {
    AuthorizationPolicy(
      metadata: Self.meta("metrics", in: namespaceNames.controlPlane, of: "monitoring"),
      spec: AuthorizationPolicySpec(
        rules: [
          AuthorizationRule(
            from: [.init(source: .init(principals: [values.account("*", in: namespaceNames.monitoring)]))],
            to: [.init(operation: .init(ports: ["\(Self.metricsPort)"]))])
        ]))
  }

  /// Prometheus alone reaches the port of the platform's programs. What watches may speak with itself, the API and the
  /// name server.
  private var monitoringNetwork: [any ClusterObject] {
    let port = NetworkPolicyPort(protocol: "TCP", port: Self.metricsPort)
    let programs = LabelSelector(matchLabels: ["app.kubernetes.io/part-of": "lobstack"])
    let prometheus = LabelSelector(matchLabels: ["app.kubernetes.io/name": "prometheus"])
    let names = namespaceNames
    let inside = NetworkPolicyPeer(podSelector: LabelSelector())
    return [
      NetworkPolicy(
        metadata: Self.meta("metrics", in: names.controlPlane, of: "monitoring"),
        spec: NetworkPolicySpec(
          podSelector: programs, policyTypes: [.ingress],
          ingress: [
            IngressRule(
              from: [
                NetworkPolicyPeer(
                  podSelector: prometheus, namespaceSelector: Self.namespaceSelector(names.monitoring))
              ],
              ports: [port])
          ])),
      Self.closed(names.monitoring),
      NetworkPolicy(
        metadata: Self.meta("inside", in: names.monitoring, of: "monitoring"),
        spec: NetworkPolicySpec(
          podSelector: LabelSelector(), policyTypes: [.ingress, .egress], ingress: [IngressRule(from: [inside])],
          egress: [EgressRule(to: [inside]), nameServerEgress, apiServerEgress])),
      NetworkPolicy(
        metadata: Self.meta("prometheus", in: names.monitoring, of: "monitoring"),
        spec: NetworkPolicySpec(
          podSelector: prometheus, policyTypes: [.egress],
          egress: [
            EgressRule(
              to: [names.controlPlane, names.sentinel].map {
                NetworkPolicyPeer(podSelector: programs, namespaceSelector: Self.namespaceSelector($0))
              },
              ports: [port])
          ])),
    ]
  }
}
