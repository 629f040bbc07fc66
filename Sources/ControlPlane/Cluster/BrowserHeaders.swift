import HTTPTypes
import Hummingbird
import Proxy

/// Adds to each answer what browsers are told of it. On one machine the gateway adds it; a cluster's gateway is not ours.
struct BrowserHeaders<Next: HTTPResponder>: HTTPResponder where Next.Context == APIContext {
  typealias Context = APIContext

  let next: Next

  func respond(to request: Request, context: APIContext) async throws -> Response {
    var response = try await next.respond(to: request, context: context)
    let isDashboard = request.uri.path.hasPrefix(GatewayLayout.dashboardPath)
    let policy = isDashboard ? GatewayLayout.dashboardPolicy : GatewayLayout.nothingPolicy
    for (name, value) in GatewayLayout.securityHeaderFields(contentPolicy: policy) {
      if let name = HTTPField.Name(name) { response.headers[name] = value }
    }
    return response
  }
}
