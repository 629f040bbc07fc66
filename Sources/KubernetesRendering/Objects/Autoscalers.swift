import Documents

/// `keda.sh/v1alpha1` ScaledObject: KEDA makes a HorizontalPodAutoscaler of it.
struct ScaledObject: ClusterObject {
  let apiVersion = "keda.sh/v1alpha1"
  let kind = "ScaledObject"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    /// Of the same namespace; a Deployment unless said otherwise.
    var scaleTargetRef: Name
    /// Seconds between questions to what triggers.
    var pollingInterval: Int
    var minReplicaCount: Int
    var maxReplicaCount: Int
    var advanced: Advanced
    var triggers: [Trigger]
  }

  struct Name: Encodable, Sendable {
    var name: String
  }

  struct Advanced: Encodable, Sendable {
    var horizontalPodAutoscalerConfig: Configuration

    struct Configuration: Encodable, Sendable {
      var behavior: HorizontalPodAutoscaler.Behavior
    }
  }

  struct Trigger: Encodable, Sendable {
    var type: String
    /// How the value is compared: of each replica (`AverageValue`), or with what it asked for (`Utilization`).
    var metricType: String
    /// Numbers, too, are texts.
    var metadata: [String: String]
  }
}

/// `autoscaling.k8s.io/v1` VerticalPodAutoscaler that recommends and changes nothing.
struct VerticalPodAutoscaler: ClusterObject {
  let apiVersion = "autoscaling.k8s.io/v1"
  let kind = "VerticalPodAutoscaler"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    var targetRef: HorizontalPodAutoscaler.Target
    let updatePolicy = Update()
  }

  struct Update: Encodable, Sendable {
    let updateMode = "Off"
  }
}
