import Faults

extension Fault.Code {
  /// The state that was asked for is no longer kept (410): to list anew is the way on.
  package static let expired = Fault.Code("expired")
}

extension Refusal {
  /// - Parameters:
  ///   - operation: what was tried.
  ///   - type: of the objects that it was tried on; `nil` for a path of no type.
  func fault(_ operation: String, on type: ResourceType?) -> Fault {
    isOfAPI ? status.fault(operation, on: type) : foreign(operation, type)
  }

  /// Of an answer that is no Status. An API server itself says a few things in plain text.
  private func foreign(_ operation: String, _ type: ResourceType?) -> Fault {
    if status.code == 404, let type, status.message.hasPrefix("404 page not found") {
      return APIStatus.absent(type, operation)
    }
    let code: Fault.Code =
      switch status.code {
      case 401: .unauthenticated
      case 403: .denied
      case 404: .notFound
      case 429: .exhausted
      case 500...: .unavailable
      default: .failed
      }
    let text = oneLine(status.message, longest: 160)
    let kind = mediaType.isEmpty ? "without a type" : "of type \(oneLine(mediaType, longest: 60))"
    return Fault(
      code, operation: operation,
      reason: "the answer is HTTP \(status.code) \(kind), not of the Kubernetes API"
        + (text.isEmpty ? "" : ": \(text)"),
      remedy: "check the address of the API server, and what stands between")
  }
}

extension APIStatus {
  /// What is served is decided by the cluster: a component or its CustomResourceDefinitions are not installed.
  static func absent(_ type: ResourceType, _ operation: String) -> Fault {
    Fault(
      .unsupported, operation: operation, reason: "the cluster does not serve \(type) in version \(type.version)",
      remedy: "install what brings it, or its CustomResourceDefinition")
  }

  /// Reasons are those of apimachinery's `meta/v1` types.go (StatusReason).
  func fault(_ operation: String, on type: ResourceType?) -> Fault {
    func fault(_ code: Fault.Code, _ reason: String, _ remedy: String) -> Fault {
      Fault(code, operation: operation, reason: reason, remedy: remedy)
    }
    let told = oneLine(message, longest: 600)
    switch word {
    case "Unauthorized":
      return fault(
        .unauthenticated,
        "the API server does not know who asks: the credential is expired, revoked or another cluster's",
        "get a new credential, and name its kubeconfig or context")
    case "Forbidden": return forbidden(operation, told)
    case "NotFound":
      if name.isEmpty, let type { return Self.absent(type, operation) }
      return fault(
        .notFound, "there is no such object\(told.isEmpty ? "" : " (\(told))")",
        kind == "namespaces" ? "make the namespace first" : "check its name and its namespace")
    case "AlreadyExists":
      return fault(.alreadyExists, "there is one of that name\(told.isEmpty ? "" : " (\(told))")", "use another name")
    case "Conflict": return conflict(operation, told)
    case "Gone", "Expired":
      return fault(.expired, "the API server keeps that state no more (\(told))", "list the objects anew")
    case "Invalid", "BadRequest", "RequestEntityTooLarge":
      return fault(.invalid, "the API server refuses the object: \(fields ?? told)", "correct what it names")
    case "TooManyRequests":
      let after = retryAfter.map { " for \($0) s" } ?? ""
      return fault(
        .exhausted, "the API server takes no more requests\(after) (\(told))", "try again later, or ask less")
    case "Timeout", "ServerTimeout":
      return fault(.timedOut, "the API server did not do it in time (\(told))", "try again in a moment")
    case "ServiceUnavailable":
      return fault(.unavailable, "the API server, or what it asks, is not ready (\(told))", "try again in a moment")
    case "MethodNotAllowed", "NotAcceptable", "UnsupportedMediaType":
      return fault(.unsupported, "the API server does not do that (\(told))", "update the cluster, or use another way")
    default:
      return fault(
        .failed, "the API server failed with HTTP \(code)\(told.isEmpty ? "" : " (\(told))")",
        "see its log; whether a change was made is not known")
    }
  }

  /// The reason, or what the code stands for where none is told.
  private var word: String {
    guard reason.isEmpty || reason == "Unknown" else { return reason }
    if isOfSchema { return "Invalid" }
    return switch code {
    case 400: "BadRequest"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "NotFound"
    case 405: "MethodNotAllowed"
    case 409: "Conflict"
    case 410: "Gone"
    case 413: "RequestEntityTooLarge"
    case 415: "UnsupportedMediaType"
    case 422: "Invalid"
    case 429: "TooManyRequests"
    case 502, 503: "ServiceUnavailable"
    case 504: "Timeout"
    default: ""
    }
  }

  /// Whether an apply has fields that its type does not: the API server says so with a bare 500, as it tells of its own
  /// failures.
  var isOfSchema: Bool { code == 500 && reason.isEmpty && message.hasPrefix("failed to create typed patch object") }

  /// By RBAC, which names user, verb and resource; or by admission, whose words are its own.
  private func forbidden(_ operation: String, _ told: String) -> Fault {
    if causes.contains(where: { $0.reason == "NamespaceTerminating" }) {
      return Fault(
        .conflict, operation: operation, reason: "the namespace is being deleted (\(told))",
        remedy: "wait until it is gone, or use another")
    }
    if told.contains("exceeded quota") {
      return Fault(
        .exhausted, operation: operation, reason: told, remedy: "raise the ResourceQuota, or delete what is not needed")
    }
    if told.contains("cannot "), told.contains("User \"") {
      return Fault(
        .denied, operation: operation, reason: told, remedy: "give that user the right by a Role and a RoleBinding")
    }
    return Fault(
      .denied, operation: operation, reason: "the cluster's admission refuses it: \(told)",
      remedy: "correct the object, or what admits it")
  }

  /// Of an apply it names the fields that others own.
  private func conflict(_ operation: String, _ told: String) -> Fault {
    let owned = causes.filter { $0.reason == "FieldManagerConflict" }
    guard !owned.isEmpty else {
      return Fault(
        .conflict, operation: operation,
        reason: "the object changed meanwhile, or its state does not allow it (\(told))",
        remedy: "read it again and repeat the change")
    }
    let places = owned.prefix(8).map { "\($0.field) (\($0.message))" }.joined(separator: ", ")
    let more = owned.count > 8 ? " and \(owned.count - 8) more" : ""
    return Fault(
      .conflict, operation: operation, reason: "\(Fault.othersManage) \(oneLine(places, longest: 800))\(more)",
      remedy: "leave these fields to them, or have them give the fields up")
  }

  private var fields: String? {
    guard !causes.isEmpty else { return nil }
    let places = causes.prefix(8).map { $0.field.isEmpty ? $0.message : "\($0.field): \($0.message)" }
    let more = causes.count > 8 ? "; and \(causes.count - 8) more" : ""
    return oneLine(places.joined(separator: "; "), longest: 800) + more
  }
}

extension Fault {
  fileprivate static let othersManage = "others manage"

  /// Whether it is of an apply without force whose fields others manage, and of no other conflict.
  package var isOfManagers: Bool { code == .conflict && reason.hasPrefix(Self.othersManage + " ") }
}

/// Text of another for one line of ours.
func oneLine(_ text: String, longest: Int) -> String {
  let words = text.unicodeScalars.split { $0.properties.isWhitespace || $0.value < 0x20 || $0.value == 0x7F }
  let line = words.map { String(String.UnicodeScalarView($0)) }.joined(separator: " ")
  return line.utf8.count <= longest ? line : String(decoding: line.utf8.prefix(longest), as: UTF8.self) + "…"
}
