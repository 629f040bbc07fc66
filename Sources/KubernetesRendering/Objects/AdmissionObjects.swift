import Documents
import JSONValues

/// A constraint of Gatekeeper (`constraints.gatekeeper.sh/v1beta1`): its template defines the kind.
struct Constraint: ClusterObject {
  var apiVersion: String
  var kind: String
  var metadata: ObjectMeta
  var spec: JSON
}

/// `config.gatekeeper.sh/v1alpha1` Config: what Gatekeeper keeps in its cache, and where it is not asked.
struct GatekeeperConfig: ClusterObject {
  let apiVersion = "config.gatekeeper.sh/v1alpha1"
  let kind = "Config"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    var match: [Match]
    var sync: Sync
  }

  struct Match: Encodable, Sendable {
    var excludedNamespaces: [String]
    let processes = ["*"]
  }

  struct Sync: Encodable, Sendable {
    var syncOnly: [Kind]
  }

  struct Kind: Encodable, Sendable {
    let group = ""
    let version = "v1"
    var kind: String
  }
}

/// A selector by whether a label is there (`meta/v1` LabelSelector).
struct LabelExpressions: Encodable, Sendable {
  var matchExpressions: [Requirement]

  struct Requirement: Encodable, Sendable {
    var key: String
    var `operator`: String
  }

  static func exists(_ key: String) -> LabelExpressions {
    LabelExpressions(matchExpressions: [Requirement(key: key, operator: "Exists")])
  }
}

/// What a webhook or a policy of the API server is asked about.
struct AdmissionRule: Encodable, Sendable {
  var apiGroups: [String]
  var apiVersions = ["v1"]
  var resources: [String]
  var operations: [String]
  var scope: String
}

/// `admissionregistration.k8s.io/v1` ValidatingWebhookConfiguration of one webhook.
struct ValidatingWebhookConfiguration: ClusterObject {
  let apiVersion = "admissionregistration.k8s.io/v1"
  let kind = "ValidatingWebhookConfiguration"
  var metadata: ObjectMeta
  var webhooks: [Webhook]

  struct Webhook: Encodable, Sendable {
    var name: String
    var clientConfig: Client
    var rules: [AdmissionRule]
    var namespaceSelector: LabelExpressions
    let failurePolicy = "Fail"
    let matchPolicy = "Equivalent"
    let sideEffects = "None"
    let admissionReviewVersions = ["v1"]
    var timeoutSeconds: Int
  }

  struct Client: Encodable, Sendable {
    var service: ServiceReference
  }

  struct ServiceReference: Encodable, Sendable {
    var name: String
    var namespace: String
    var path: String
    var port: UInt16
  }
}

/// `admissionregistration.k8s.io/v1` ValidatingAdmissionPolicy: the API server's own, in CEL.
struct ValidatingAdmissionPolicy: ClusterObject {
  let apiVersion = "admissionregistration.k8s.io/v1"
  let kind = "ValidatingAdmissionPolicy"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    let failurePolicy = "Fail"
    var matchConstraints: Constraints
    var matchConditions: [Expression]?
    var variables: [Expression]?
    var validations: [Validation]
  }

  struct Constraints: Encodable, Sendable {
    var resourceRules: [AdmissionRule]
  }

  struct Expression: Encodable, Sendable {
    var name: String
    var expression: String
  }

  struct Validation: Encodable, Sendable {
    var expression: String
    var message: String
    let reason = "Forbidden"
  }
}

/// `admissionregistration.k8s.io/v1` ValidatingAdmissionPolicyBinding that refuses.
struct ValidatingAdmissionPolicyBinding: ClusterObject {
  let apiVersion = "admissionregistration.k8s.io/v1"
  let kind = "ValidatingAdmissionPolicyBinding"
  var metadata: ObjectMeta
  var spec: Spec

  /// - Parameter namespaces: which; `nil` for all.
  init(_ policy: ValidatingAdmissionPolicy, namespaces: LabelExpressions? = nil) {
    metadata = policy.metadata
    spec = Spec(policyName: policy.metadata.name, matchResources: namespaces.map(Match.init))
  }

  struct Spec: Encodable, Sendable {
    var policyName: String
    let validationActions = ["Deny"]
    var matchResources: Match?
  }

  struct Match: Encodable, Sendable {
    var namespaceSelector: LabelExpressions
  }
}
