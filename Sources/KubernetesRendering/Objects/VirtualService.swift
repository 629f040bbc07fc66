import Documents

/// `networking.istio.io/v1` VirtualService: what becomes of requests for its hosts at its gateways.
struct VirtualService: ClusterObject {
  let apiVersion = "networking.istio.io/v1"
  let kind = "VirtualService"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    var hosts: [String]
    var gateways: [String]
    /// Proxies of its own namespace alone know it.
    var exportTo = ["."]
    /// The first that matches counts.
    var http: [Route]
  }

  /// Either sends on or redirects.
  struct Route: Encodable, Sendable {
    var name: String
    var match: [Match]?
    var route: [Target]?
    var redirect: Redirect?
    /// `nil` for the mesh's own, which ask a second time when nothing answers.
    var retries: Retries?
  }

  struct Retries: Encodable, Sendable {
    var attempts: Int
  }

  struct Match: Encodable, Sendable {
    var uri: Prefix
  }

  struct Prefix: Encodable, Sendable {
    var prefix: String
  }

  struct Target: Encodable, Sendable {
    var destination: Destination
  }

  struct Destination: Encodable, Sendable {
    /// A Service of the VirtualService's namespace.
    var host: String
    var port: Port
  }

  struct Port: Encodable, Sendable {
    var number: UInt16
  }

  struct Redirect: Encodable, Sendable {
    var scheme: String
    var redirectCode: Int
  }
}
