import Faults
import JSONValues
import NIOHTTP1

extension KubernetesClient {
  /// Has the API server make a token of a service account (`TokenRequest` of `authentication.k8s.io/v1`).
  ///
  /// - Parameter life: ten minutes at least, by the API server's rule; longer ones it may cut short.
  package func token(
    of account: String, namespace: String, audience: String, life: Duration = .seconds(600)
  ) async throws -> String {
    let body: JSON = [
      "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
      "spec": ["audiences": [.string(audience)], "expirationSeconds": .int(Int(life.components.seconds))],
    ]
    let path = try ResourcePath(
      ResourceType(plural: "serviceaccounts"), namespace: namespace, name: account, subresource: "token")
    let request = try APIRequest(.POST, path, body: body.bytes, verb: "create", isIdempotent: true)
    guard let token = try await object(request)["status", "token"]?.string else {
      throw Fault(
        .failed, operation: request.operation, reason: "the answer holds no token",
        remedy: "check what stands before the API server")
    }
    return token
  }
}
