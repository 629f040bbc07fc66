import APIModel
import AgentModel
import Blueprint
import ClusterAgents
import Faults
import Framing
import Hummingbird
import KubernetesAPI
import NIOCore
import Synchronization

extension ClusterAPI {
  func addLogRoute(to router: Router<APIContext>) {
    router.get("/v1/tenants/{tenant}/agents/{name}/logs", use: logs)
  }

  /// The kubelet counts lines where this API counts bytes: a line has so many, about.
  private static let bytesOfLine = 64
  /// Who may have a stream is asked at its beginning alone, so that it ends, and the next is asked about again.
  static let longestStream = Duration.seconds(3600)
  /// As much as a frame of a stream has at most.
  private static let longestPiece = 64 << 10

  @Sendable private func logs(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    let id = try agentID(context)
    let operation = "read the logs of agent \(id)"
    let agent = try await agents.find(id, .get, .log, by: principal, operation: operation)
    let tail = try integer("tail", of: request, in: 0...(16 << 20), default: 64 << 10)
    let follow = try parameter("follow", of: request, rule: "true or false") { Bool($0) } ?? false
    try requireNoBody(request, operation: operation)
    let lease = try StreamLease(streams, principal, context, operation: operation)
    let framed = request.headers[.accept]?.contains(APIProtocol.streamMediaType) ?? false
    let lines = (tail + Self.bytesOfLine - 1) / Self.bytesOfLine
    return frameResponse(lease, framed: framed) { sink in
      do {
        try await request.body.consumeWithCancellationOnInboundClose { _ in
          try await asked(operation) {
            try await client.logs(
              ofPod: agent.key.name, namespace: agent.key.namespace, container: Blueprint.container, lines: lines,
              follow: follow, limit: Self.longestStream
            ) { piece in
              try await sink.send(.standardOutput, piece)
            }
          }
        }
      } catch let fault as Fault where fault.code == .timedOut {
        await sink.fail(
          Fault(
            .timedOut, operation: operation, reason: "it went on for an hour, or the API server does not answer",
            remedy: "follow again"))
      } catch let fault as Fault {
        await sink.fail(fault)
      } catch {
        await sink.fail(
          Fault(.unavailable, operation: operation, reason: "the stream was cut off", remedy: "try again"))
      }
    }
  }
}
