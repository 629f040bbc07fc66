import Documents

/// `apps/v1` Deployment.
struct Deployment: ClusterObject {
  let apiVersion = "apps/v1"
  let kind = "Deployment"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    /// `nil` where an autoscaler decides.
    var replicas: Int?
    var revisionHistoryLimit = 3
    var selector: LabelSelector
    var strategy: Strategy
    var template: PodTemplate
  }

  struct Strategy: Encodable, Sendable {
    let type: String
    var rollingUpdate: Rolling?

    struct Rolling: Encodable, Sendable {
      var maxUnavailable: Int
      var maxSurge: Int
    }

    /// Never fewer than there should be.
    static let rolling = Strategy(type: "RollingUpdate", rollingUpdate: Rolling(maxUnavailable: 0, maxSurge: 1))
    static let recreate = Strategy(type: "Recreate")
  }
}

/// `apps/v1` StatefulSet.
struct StatefulSet: ClusterObject {
  let apiVersion = "apps/v1"
  let kind = "StatefulSet"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    var replicas: Int
    var serviceName: String
    var podManagementPolicy: String
    /// Seconds that a new Pod has to be ready before the next one is replaced.
    var minReadySeconds: Int
    var selector: LabelSelector
    var updateStrategy: Update
    var persistentVolumeClaimRetentionPolicy: Retention
    var template: PodTemplate
    var volumeClaimTemplates: [ClaimTemplate]
  }

  struct Update: Encodable, Sendable {
    var type: String
  }

  struct Retention: Encodable, Sendable {
    var whenDeleted: String
    var whenScaled: String
  }

  struct ClaimTemplate: Encodable, Sendable {
    var metadata: Name
    var spec: PersistentVolumeClaimObject.Spec

    struct Name: Encodable, Sendable {
      var name: String
    }
  }
}

/// `apps/v1` DaemonSet.
struct DaemonSet: ClusterObject {
  let apiVersion = "apps/v1"
  let kind = "DaemonSet"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    var selector: LabelSelector
    var updateStrategy: Update
    var template: PodTemplate
  }

  struct Update: Encodable, Sendable {
    var type: String
  }
}

/// `autoscaling/v2` HorizontalPodAutoscaler by the use of CPU and memory.
struct HorizontalPodAutoscaler: ClusterObject {
  let apiVersion = "autoscaling/v2"
  let kind = "HorizontalPodAutoscaler"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    var scaleTargetRef: Target
    var minReplicas: Int
    var maxReplicas: Int
    var metrics: [Metric]
    var behavior: Behavior
  }

  struct Target: Encodable, Sendable {
    var apiVersion: String
    var kind: String
    var name: String
  }

  struct Metric: Encodable, Sendable {
    let type = "Resource"
    var resource: Resource

    struct Resource: Encodable, Sendable {
      var name: String
      var target: Utilization
    }

    struct Utilization: Encodable, Sendable {
      let type = "Utilization"
      var averageUtilization: Int
    }
  }

  struct Behavior: Encodable, Sendable {
    var scaleDown: Rules

    struct Rules: Encodable, Sendable {
      /// Seconds.
      var stabilizationWindowSeconds: Int
      var policies: [Policy]
    }

    struct Policy: Encodable, Sendable {
      var type: String
      var value: Int
      /// Seconds.
      var periodSeconds: Int
    }
  }
}

extension HorizontalPodAutoscaler.Behavior {
  /// Down by one Pod a minute.
  static let slowly = Self(
    scaleDown: .init(stabilizationWindowSeconds: 300, policies: [.init(type: "Pods", value: 1, periodSeconds: 60)]))
}

extension HorizontalPodAutoscaler {
  /// How much of what it asked for a Pod uses before there are more of them, in percent.
  static let utilization = 70

  /// Of the Deployment of that name in that namespace, by its CPU.
  init(_ deployment: ObjectMeta, least: Int, most: Int) {
    self.init(
      metadata: deployment,
      spec: Spec(
        scaleTargetRef: Target(apiVersion: "apps/v1", kind: "Deployment", name: deployment.name), minReplicas: least,
        maxReplicas: most,
        metrics: [Metric(resource: .init(name: "cpu", target: .init(averageUtilization: Self.utilization)))],
        behavior: .slowly))
  }
}

/// `policy/v1` PodDisruptionBudget.
struct PodDisruptionBudget: ClusterObject {
  let apiVersion = "policy/v1"
  let kind = "PodDisruptionBudget"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    var minAvailable: Int
    var selector: LabelSelector
  }
}
