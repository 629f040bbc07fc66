import Faults
import JSONValues
import KubernetesAPI

/// What only the cluster's API server knows of a caller, asked as reviews. None of them is kept by it.
struct ClusterQuestions: Sendable {
  private static let tokens = ResourceType(
    group: "authentication.k8s.io", plural: "tokenreviews", isNamespaced: false)
  private static let access = ResourceType(
    group: "authorization.k8s.io", plural: "subjectaccessreviews", isNamespaced: false)

  let client: KubernetesClient

  /// Whose a token is; `nil` for one that does not count for any of the audiences.
  func user(ofToken token: String, audiences: [String]) async throws -> ClusterUser? {
    let status = try await review(
      Self.tokens, "TokenReview", ["token": .string(token), "audiences": .array(audiences.map(JSON.string))],
      operation: "authenticate the request")
    guard status?["authenticated"]?.bool == true else { return nil }
    // An authenticator that knows of no audiences names none: its tokens are for the API server alone.
    let counted = status?["audiences"]?.array?.compactMap(\.string) ?? []
    guard !Set(counted).isDisjoint(with: audiences) else { return nil }
    return ClusterUser(status?["user"])
  }

  func allows(_ question: ClusterAccess.Question) async throws -> Bool {
    let user = question.user
    var attributes: [String: JSON] = [
      "group": .string(ClusterAccess.group), "resource": "agents", "verb": .string(question.verb.rawValue),
    ]
    attributes["namespace"] = question.namespace.map(JSON.string)
    attributes["name"] = question.name.map { .string("\($0)") }
    attributes["subresource"] = question.subresource.map { .string($0.rawValue) }
    let status = try await review(
      Self.access, "SubjectAccessReview",
      [
        "user": .string(user.name), "uid": .string(user.uid), "groups": .array(user.groups.map(JSON.string)),
        "extra": .object(user.extra.mapValues { .array($0.map(JSON.string)) }),
        "resourceAttributes": .object(attributes),
      ], operation: "authorise the request")
    return status?["allowed"]?.bool == true
  }

  private func review(_ type: ResourceType, _ kind: String, _ spec: JSON, operation: String) async throws -> JSON? {
    let object = KubernetesObject(fields: ["apiVersion": .string(type.apiVersion), "kind": .string(kind), "spec": spec])
    do { return try await client.create(object, of: type)["status"] } catch let fault as Fault {
      // It is about us, or about the API server, and never about who calls.
      throw fault.asUnavailable(operation)
    }
  }
}

extension Fault {
  /// A failure of what the control plane itself asks of the API server.
  func asUnavailable(_ operation: String) -> Fault {
    Fault(.unavailable, operation: operation, reason: reason, remedy: remedy)
  }

  /// A failure of a request that the control plane makes for somebody. That its own credential is refused is no word
  /// about the caller's.
  func told(as operation: String) -> Fault {
    Fault(code == .unauthenticated ? .unavailable : code, operation: operation, reason: reason, remedy: remedy)
  }
}

/// Runs a request to the API server for a caller.
func asked<Value: Sendable>(_ operation: String, _ body: () async throws -> Value) async throws -> Value {
  do { return try await body() } catch let fault as Fault { throw fault.told(as: operation) }
}
