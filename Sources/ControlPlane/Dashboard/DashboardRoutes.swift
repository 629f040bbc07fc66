import Dashboard
import Faults
import HTTPTypes
import Hummingbird
import NIOCore

func addDashboardRoutes(to router: Router<APIContext>) {
  router.get("/dashboard", use: dashboardFile)
  router.get("/dashboard/{file}", use: dashboardFile)
}

/// The page and what belongs to it: the same for everybody, and nothing of any agent.
@Sendable private func dashboardFile(_ request: Request, _ context: APIContext) async throws -> Response {
  let name = context.parameters.get("file") ?? "index.html"
  guard let file = DashboardFile.named(name) else {
    throw Fault(
      .notFound, operation: "read a file of the dashboard", reason: "there is no '\(name.prefix(80))'",
      remedy: "open /dashboard/")
  }
  let headers: HTTPFields = [
    .contentType: file.mediaType, .eTag: file.entityTag, .cacheControl: "no-cache",
  ]
  guard request.headers[.ifNoneMatch] != file.entityTag else {
    return Response(status: .notModified, headers: headers)
  }
  return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: file.bytes)))
}
