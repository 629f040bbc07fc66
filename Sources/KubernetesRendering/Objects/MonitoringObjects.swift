import Documents
import JSONValues

/// `monitoring.coreos.com/v1` ServiceMonitor: which Services Prometheus scrapes, and how.
struct ServiceMonitor: ClusterObject {
  let apiVersion = "monitoring.coreos.com/v1"
  let kind = "ServiceMonitor"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    var namespaceSelector: Names
    var selector: LabelSelector
    var endpoints: [Endpoint]
  }

  struct Names: Encodable, Sendable {
    var matchNames: [String]
  }

  struct Endpoint: Encodable, Sendable {
    /// Name of the Service's port.
    var port: String
    var path: String
    var scheme: String
    /// As Prometheus writes it: `15s`.
    var interval: String
    var relabelings: [Relabeling]
  }

  struct Relabeling: Encodable, Sendable {
    let action = "replace"
    var sourceLabels: [String]?
    var targetLabel: String
    var replacement: String?
  }
}

/// `monitoring.coreos.com/v1` PrometheusRule.
struct PrometheusRule: ClusterObject {
  let apiVersion = "monitoring.coreos.com/v1"
  let kind = "PrometheusRule"
  var metadata: ObjectMeta
  /// A rule file as Prometheus reads it.
  var spec: JSON
}
