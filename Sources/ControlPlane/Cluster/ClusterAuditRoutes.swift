import APIClient
import APIModel
import Faults
import Hummingbird
import NIOCore

/// The audit log, which the recorder keeps: whoever may `get agents/audit` in the whole cluster reads it.
extension ClusterAPI {
  func addAuditRoutes(to router: Router<APIContext>) {
    for path in ["/v1/audit", "/v1/audit/checkpoint", "/v1/audit/proof"] {
      router.get("\(path)") { request, context in
        try await readAudit(path, request, context)
      }
    }
  }

  private func readAudit(_ path: String, _ request: Request, _ context: APIContext) async throws -> Response {
    let operation = "read the audit log"
    let recorder = try requireRecorder(operation: operation)
    try await access.requireEverywhere(.get, .audit, of: try context.principal, operation: operation)
    let query = request.uri.queryParameters.map { (String($0.key), String($0.value)) }
    let bytes = try await recorder.answer(of: path, query: query, operation: operation)
    return Response(
      status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  /// - Throws: a 501 where there is none.
  func requireRecorder(operation: String) throws -> RecorderClient {
    guard let recorder = audit.recorder else {
      throw HTTPFault(
        status: .notImplemented,
        fault: Fault(
          .unsupported, operation: operation, reason: "the control plane has no recorder",
          remedy: "start it with --recorder, or read the lines of its standard output and of the sentinels'"))
    }
    return recorder
  }

  /// The recorder, and how much it has recorded.
  var recorderState: (component: PlatformStatus.Component, head: PlatformStatus.AuditHead?)? {
    get async {
      guard let recorder = audit.recorder else { return nil }
      let name = "recorder"
      do {
        let checkpoint = try await recorder.ask("ask the recorder") { client in
          try await withDeadline(.seconds(2), operation: "ask the recorder") { try await client.auditCheckpoint() }
        }
        return (
          PlatformStatus.Component(name: name, state: "ready", detail: "\(checkpoint.size) records"),
          PlatformStatus.AuditHead(size: checkpoint.size, rootHash: checkpoint.rootHash)
        )
      } catch {
        let reason = (error as? Fault)?.reason ?? "\(error)"
        return (PlatformStatus.Component(name: name, state: "down", detail: "changes are refused: \(reason)"), nil)
      }
    }
  }
}
