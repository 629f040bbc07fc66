import Faults
import Hummingbird
import Instruments
import NIOCore

extension API {
  func addMetricsRoute(to router: Router<APIContext>) {
    router.get("/metrics", use: metrics)
  }

  /// Of all tenants: for whoever is bound to none.
  @Sendable private func metrics(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    let operation = "read metrics"
    try await access.require(.view, of: principal, operation: operation)
    guard principal.tenant == nil else {
      try await access.refuseTenant(principal, operation: operation)
      throw Fault(
        .denied, operation: operation, reason: "\(principal.name) is bound to one tenant, and they are of all",
        remedy: "use a token of 'lobstack token create NAME --role viewer --all-tenants'")
    }
    return Response(
      status: .ok, headers: [.contentType: Exposition.mediaType, .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: await exposition().text)))
  }
}
