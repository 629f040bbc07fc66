import HTTPTypes
import Hummingbird
import Proxy

/// The routes that there are, to tell "no such resource" from "no such method".
struct RouteTable: Sendable {
  /// Paths that anybody may ask for, without a token: they tell nothing of any agent.
  private static let open: Set<String> = [
    "/healthz", "/livez", "/readyz", "/openapi.json", "/v1/trust-bundle", revocationList, "/dashboard",
  ]
  /// What the built-in authority takes back, for whoever verifies its certificates.
  static let revocationList = "/v1/crl"

  /// Whether anybody may ask for the path. Challenges are an authority's on the Internet, which has no token.
  static func isOpen(_ path: String) -> Bool {
    open.contains(path) || path.hasPrefix(GatewayLayout.challengePath) || path.hasPrefix(GatewayLayout.dashboardPath)
  }

  private let routes: [(segments: [Substring], method: String)]

  init(_ routes: [Router<APIContext>.RouteDescription]) {
    self.routes = routes.map { Self.split("\($0.path)", method: $0.method.rawValue) }
  }

  private static func split(_ path: String, method: String) -> ([Substring], String) {
    (path.split(separator: "/"), method)
  }

  func methods(for path: String) -> [String] {
    let segments = path.split(separator: "/")
    return routes.filter { route in
      route.segments.count == segments.count
        && zip(route.segments, segments).allSatisfy { $0 == $1 || $0.hasPrefix("{") || $0.hasPrefix(":") }
    }.map(\.method).sorted()
  }
}
