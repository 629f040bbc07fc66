import NIOCore
import NIOHTTP1

extension KubernetesClient {
  /// What a Pod's container wrote, as it comes; a slow receiver holds the kubelet back.
  ///
  /// - Parameters:
  ///   - lines: the newest that are told.
  ///   - follow: goes on with what is written from now on, until the container ends.
  ///   - limit: of the whole; the kubelet itself ends what is idle for four hours.
  /// - Throws: `Fault(.notFound)` when there is no such Pod, `Fault(.invalid)` when its container has not started,
  ///   `Fault(.timedOut)` at the limit. What
  ///   `receive` throws ends it.
  package func logs(
    ofPod name: String, namespace: String, container: String, lines: Int, follow: Bool, limit: Duration,
    receive: @escaping @Sendable (ByteBuffer) async throws -> Void
  ) async throws {
    let path = try ResourcePath(ResourceType(plural: "pods"), namespace: namespace, name: name, subresource: "log")
    var request = try APIRequest(
      .GET, path, query: [("container", container), ("tailLines", "\(lines)"), ("follow", "\(follow)")],
      // What was handed on cannot be taken back.
      verb: "read", isIdempotent: false)
    request.answersJSON = false
    do {
      try await pieces(request, limit: limit) { piece in
        do { try await receive(piece) } catch { throw ReceiverError(error: error) }
      }
    } catch let failure as ReceiverError {
      throw failure.error
    }
  }
}
