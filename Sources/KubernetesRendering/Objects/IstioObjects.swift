import Documents
import JSONValues

/// `security.istio.io/v1` PeerAuthentication.
struct PeerAuthentication: ClusterObject {
  let apiVersion = "security.istio.io/v1"
  let kind = "PeerAuthentication"
  var metadata: ObjectMeta
  var spec = Spec()

  struct Spec: Encodable, Sendable {
    var mtls = Mode()
  }

  /// Nothing but mutual TLS is taken.
  struct Mode: Encodable, Sendable {
    let mode = "STRICT"
  }
}

/// `networking.istio.io/v1` Sidecar of proxies of a namespace: whom they may call.
struct Sidecar: ClusterObject {
  let apiVersion = "networking.istio.io/v1"
  let kind = "Sidecar"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    /// `nil` for all that no other selects.
    var workloadSelector: Selector?
    var egress: [Listener]
    var outboundTrafficPolicy = Outbound()
  }

  struct Selector: Encodable, Sendable {
    var labels: [String: String]
  }

  struct Listener: Encodable, Sendable {
    /// `namespace/host`; `.` is the namespace itself.
    var hosts: [String]
  }

  /// What no Service and no ServiceEntry names is not reached.
  struct Outbound: Encodable, Sendable {
    let mode = "REGISTRY_ONLY"
  }
}

/// `networking.istio.io/v1` Gateway.
struct IstioGateway: ClusterObject {
  let apiVersion = "networking.istio.io/v1"
  let kind = "Gateway"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    var selector: [String: String]
    var servers: [Server]
  }

  struct Server: Encodable, Sendable {
    var port: Port
    /// `namespace/host`: only VirtualServices of that namespace are served.
    var hosts: [String]
    /// `nil` for plain HTTP.
    var tls: TLS?
  }

  struct Port: Encodable, Sendable {
    /// Of the Service; Istio binds what the Service sends it to.
    var number: UInt16
    var name: String
    var `protocol`: String
  }

  struct TLS: Encodable, Sendable {
    let mode = "SIMPLE"
    /// A Secret in the gateway's namespace.
    var credentialName: String
    let minProtocolVersion = "TLSV1_3"
  }
}

/// `networking.istio.io/v1alpha3` EnvoyFilter: Envoy's own configuration, where Istio has no word for it.
struct EnvoyFilter: ClusterObject {
  let apiVersion = "networking.istio.io/v1alpha3"
  let kind = "EnvoyFilter"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    var workloadSelector: Selector
    var configPatches: [Patch]
  }

  struct Selector: Encodable, Sendable {
    var labels: [String: String]
  }

  struct Patch: Encodable, Sendable {
    var applyTo: String
    var match: JSON
    var patch: Change
  }

  struct Change: Encodable, Sendable {
    var operation: String
    var value: JSON
  }
}
