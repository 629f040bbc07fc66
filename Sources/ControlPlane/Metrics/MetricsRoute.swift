import Faults
import Hummingbird
import Instruments
import NIOCore

extension API {
  func addMetricsRoute(to router: Router<APIContext>) {
    router.get("/metrics", use: metrics)
  }

  /// What the series are of.
  private enum Subject: String {
    case platform, agents
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
    let subject = try parameter("of", of: request, rule: "platform or agents") { Subject(rawValue: $0) } ?? .platform
    let exposition = subject == .agents ? usageExposition() : await exposition()
    return Response(
      status: .ok, headers: [.contentType: Exposition.mediaType, .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: exposition.text)))
  }
}
