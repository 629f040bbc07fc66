import Documents

// What scales beside the autoscaler of every cluster, on one that has it.
extension Platform {
  /// By requests, and by CPU as without KEDA: what takes the more replicas counts.
  func controlPlaneScaling(by keda: Values.KEDA) -> any ClusterObject {
    // The Service by whose name Prometheus found the Pod; the recorder counts requests under the same name.
    let service = metrics(of: Self.controlPlaneName, in: namespaceNames.controlPlane).metadata
    let query =
      "sum(rate(lobstack_http_requests_total{namespace=\"\(namespaceNames.controlPlane)\",service=\"\(service.name)\"}[2m]))"
    return ScaledObject(
      metadata: Self.meta(Self.controlPlaneName, in: namespaceNames.controlPlane),
      spec: ScaledObject.Spec(
        scaleTargetRef: ScaledObject.Name(name: Self.controlPlaneName), pollingInterval: 30,
        minReplicaCount: values.controlPlane.least, maxReplicaCount: values.controlPlane.most,
        advanced: .init(horizontalPodAutoscalerConfig: .init(behavior: .slowly)),
        triggers: [
          ScaledObject.Trigger(
            type: "prometheus", metricType: "AverageValue",
            metadata: [
              "serverAddress": keda.serverAddress, "query": query, "threshold": "\(keda.threshold)",
              // A Prometheus that has nothing to tell is no reason for fewer replicas.
              "ignoreNullValues": "false",
            ]),
          ScaledObject.Trigger(
            type: "cpu", metricType: "Utilization", metadata: ["value": "\(HorizontalPodAutoscaler.utilization)"]),
        ]))
  }

  /// KEDA's way to the Prometheus beside the platform, where that is the one that it asks.
  var kedaFiles: [ManifestFile] {
    guard let keda = values.keda, keda.isBeside(namespaceNames.monitoring) else { return [] }
    let prometheus = LabelSelector(matchLabels: ["app.kubernetes.io/name": "prometheus"])
    let program = Values.KEDA.operatorName
    return [
      ManifestFile(
        "monitoring/keda.yaml",
        [
          NetworkPolicy(
            metadata: Self.meta("keda", in: namespaceNames.monitoring, of: "monitoring"),
            spec: NetworkPolicySpec(
              podSelector: prometheus, policyTypes: [.ingress],
              ingress: [
                IngressRule(
                  from: [
                    NetworkPolicyPeer(
                      podSelector: LabelSelector(matchLabels: ["app.kubernetes.io/name": program]),
                      namespaceSelector: Self.namespaceSelector(namespaceNames.keda))
                  ], ports: [NetworkPolicyPort(protocol: "TCP", port: Values.KEDA.prometheusPort)])
              ])),
          AuthorizationPolicy(
            metadata: Self.meta("keda", in: namespaceNames.monitoring, of: "monitoring"),
            spec: AuthorizationPolicySpec(
              selector: prometheus,
              rules: [
                AuthorizationRule(
                  from: [.init(source: .init(principals: [values.account(program, in: namespaceNames.keda)]))],
                  to: [.init(operation: .init(ports: ["\(Values.KEDA.prometheusPort)"]))])
              ])),
        ])
    ]
  }

  /// Of everything of the platform that runs Pods, so that people see what its requests should be. Agents have the sizes
  /// of their tiers.
  func sizeRecommendations(for files: [ManifestFile]) -> [ManifestFile] {
    guard values.recommendsSizes else { return [] }
    let autoscalers = files.flatMap { file -> [any ClusterObject] in
      guard case .objects(let objects) = file.content else { return [] }
      return objects.filter { ["Deployment", "StatefulSet", "DaemonSet"].contains($0.kind) }
    }.map { workload in
      VerticalPodAutoscaler(
        metadata: ObjectMeta(
          name: workload.metadata.name, namespace: workload.metadata.namespace, labels: workload.metadata.labels),
        spec: VerticalPodAutoscaler.Spec(
          targetRef: .init(apiVersion: workload.apiVersion, kind: workload.kind, name: workload.metadata.name)))
    }
    return [ManifestFile("monitoring/sizes.yaml", autoscalers)]
  }
}

extension Values.KEDA {
  static let prometheusPort: UInt16 = 9090
  /// KEDA's own name for the program that asks, and for its service account.
  static let operatorName = "keda-operator"

  /// Whether it asks a Service of a namespace: `http://<service>.<namespace>.svc:9090`.
  func isBeside(_ namespace: String) -> Bool {
    let host = serverAddress.split(separator: "/").dropFirst().first?.split(separator: ":").first ?? ""
    return host.split(separator: ".").dropFirst().first.map(String.init) == namespace
  }
}
