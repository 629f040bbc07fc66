import Documents

/// `gateway.networking.k8s.io/v1` Gateway of plain HTTP.
struct HTTPGateway: ClusterObject {
  let apiVersion = "gateway.networking.k8s.io/v1"
  let kind = "Gateway"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    var gatewayClassName: String
    /// The Service of the proxies that serve it; without one, Istio would start proxies of its own.
    var addresses: [Address]
    var listeners: [Listener]
  }

  struct Address: Encodable, Sendable {
    let type = "Hostname"
    var value: String
  }

  struct Listener: Encodable, Sendable {
    var name: String
    var hostname: String
    var port: UInt16
    let `protocol` = "HTTP"
    let allowedRoutes = AllowedRoutes()
  }

  /// Routes of the gateway's own namespace.
  struct AllowedRoutes: Encodable, Sendable {
    let namespaces = ["from": "Same"]
  }
}

/// `gateway.networking.k8s.io/v1` HTTPRoute that sends everything on to HTTPS.
struct RedirectRoute: ClusterObject {
  let apiVersion = "gateway.networking.k8s.io/v1"
  let kind = "HTTPRoute"
  var metadata: ObjectMeta
  var spec: Spec

  init(metadata: ObjectMeta, parent: ParentReference, host: String) {
    self.metadata = metadata
    spec = Spec(parentRefs: [parent], hostnames: [host])
  }

  struct Spec: Encodable, Sendable {
    var parentRefs: [ParentReference]
    var hostnames: [String]
    let rules = [Rule()]
  }

  struct Rule: Encodable, Sendable {
    let filters = [Filter()]
  }

  struct Filter: Encodable, Sendable {
    let type = "RequestRedirect"
    let requestRedirect = Redirect()
  }

  struct Redirect: Encodable, Sendable {
    let scheme = "https"
    let statusCode = 301
  }
}

/// The Gateway that a route is of.
struct ParentReference: Encodable, Sendable {
  let group = "gateway.networking.k8s.io"
  let kind = "Gateway"
  var name: String
  var namespace: String?
  /// The listener.
  var sectionName: String
}
