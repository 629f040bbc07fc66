import Documents

/// `cert-manager.io/v1` ClusterIssuer, or Issuer when it has a namespace.
struct Issuer: ClusterObject {
  let apiVersion = "cert-manager.io/v1"
  let kind: String
  var metadata: ObjectMeta
  var spec: Spec

  init(metadata: ObjectMeta, spec: Spec) {
    kind = metadata.namespace == nil ? "ClusterIssuer" : "Issuer"
    self.metadata = metadata
    self.spec = spec
  }

  /// Exactly one is set.
  struct Spec: Encodable, Sendable {
    var acme: ACME?
    var ca: Authority?
    var selfSigned: SelfSigned?
  }

  struct SelfSigned: Encodable, Sendable {}

  struct Authority: Encodable, Sendable {
    var secretName: String
  }

  struct ACME: Encodable, Sendable {
    var server: String
    var email: String
    var privateKeySecretRef: [String: String]
    var solvers: [Solver]
  }

  /// Answers for `dnsNames` by HTTP (RFC 8555 §8.3).
  struct Solver: Encodable, Sendable {
    var selector: Selector
    var http01: HTTP

    struct Selector: Encodable, Sendable {
      var dnsNames: [String]
    }

    struct HTTP: Encodable, Sendable {
      var ingress: Ingress
    }

    struct Ingress: Encodable, Sendable {
      /// Of the Ingress that is made for a challenge.
      var ingressClassName: String
      let serviceType = "ClusterIP"
      var podTemplate: Template
    }

    struct Template: Encodable, Sendable {
      var metadata: Metadata
    }

    struct Metadata: Encodable, Sendable {
      var labels: [String: String]
    }
  }
}

/// `cert-manager.io/v1` Certificate with a new ECDSA P-256 key each time.
struct Certificate: ClusterObject {
  let apiVersion = "cert-manager.io/v1"
  let kind = "Certificate"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    var secretName: String
    var commonName: String?
    var dnsNames: [String]?
    /// As Go writes durations: `2160h`.
    var duration: String
    /// How long before its end.
    var renewBefore: String
    var isCA: Bool?
    var usages: [String]
    let privateKey = Key()
    let revisionHistoryLimit = 2
    var issuerRef: Reference
  }

  struct Key: Encodable, Sendable {
    let algorithm = "ECDSA"
    let size = 256
    let rotationPolicy = "Always"
  }

  struct Reference: Encodable, Sendable {
    let group = "cert-manager.io"
    var kind: String
    var name: String

    init(_ issuer: Issuer) { (kind, name) = (issuer.kind, issuer.metadata.name) }
  }
}
