/// A failure that a person has to understand: what was tried, what happened, what to do.
///
/// Switch on `code`; show `description`. Operation, reason and remedy are lower case without a full stop, name the
/// path, limit or observed value, and hold no secret. Each layer adds what it alone knew by making the failure below
/// it the `cause`; nobody both logs and throws.
package struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
  package let code: Code
  /// What was tried, on what: "create agent acme/support-bot".
  package let operation: String
  /// What happened, in the reporter's words.
  package let reason: String
  /// What the reader can do, as one imperative sentence.
  package let remedy: String
  /// The failure below this one, already described; a string so that a fault can cross a process boundary.
  package let cause: String?

  package init(
    _ code: Code, operation: String, reason: String, remedy: String, cause: (any Error)? = nil
  ) {
    self.init(code, operation: operation, reason: reason, remedy: remedy, causeText: cause.map { "\($0)" })
  }

  private init(_ code: Code, operation: String, reason: String, remedy: String, causeText: String?) {
    self.code = code
    self.operation = operation
    self.reason = reason
    self.remedy = remedy
    self.cause = causeText
  }

  package var description: String {
    "cannot \(operation): \(reason)\(cause.map { " (cause: \($0))" } ?? ""); \(remedy)"
  }

  /// The fault with at most so many bytes of UTF-8 in each of its parts.
  package func shortened(toBytes limit: Int) -> Fault {
    func cut(_ text: String) -> String {
      text.utf8.count <= limit ? text : String(decoding: text.utf8.prefix(limit), as: UTF8.self) + "…"
    }
    return Fault(
      code, operation: cut(operation), reason: cut(reason), remedy: cut(remedy), causeText: cause.map(cut))
  }

  /// Wraps any error that is not a fault yet; a fault passes unchanged.
  package static func wrap(_ error: any Error, operation: String, remedy: String) -> Fault {
    if let fault = error as? Fault { return fault }
    return Fault(.failed, operation: operation, reason: "\(error)", remedy: remedy)
  }
}

extension Fault {
  /// The kind of a failure. A struct over a string, so that a code of a newer peer still decodes.
  package struct Code: Hashable, Sendable, Codable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }

    package init(from decoder: any Decoder) throws {
      description = try decoder.singleValueContainer().decode(String.self)
    }

    package func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      try container.encode(description)
    }

    /// The input breaks a rule; the reason names the place.
    package static let invalid = Code("invalid")
    package static let notFound = Code("not-found")
    package static let alreadyExists = Code("already-exists")
    /// The thing changed meanwhile, or its state does not allow the action.
    package static let conflict = Code("conflict")
    package static let unauthenticated = Code("unauthenticated")
    /// Refused by policy or role.
    package static let denied = Code("denied")
    /// A limit, quota or disk is full.
    package static let exhausted = Code("exhausted")
    /// A component that is needed does not answer; trying again may help.
    package static let unavailable = Code("unavailable")
    /// This version or this machine cannot do it.
    package static let unsupported = Code("unsupported")
    package static let timedOut = Code("timed-out")
    /// A program or system call that is expected to work did not.
    package static let failed = Code("failed")
  }
}

extension Fault: Codable {
  private enum CodingKeys: String, CodingKey { case code, operation, reason, remedy, cause }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      try container.decode(Code.self, forKey: .code),
      operation: try container.decode(String.self, forKey: .operation),
      reason: try container.decode(String.self, forKey: .reason),
      remedy: try container.decode(String.self, forKey: .remedy),
      causeText: try container.decodeIfPresent(String.self, forKey: .cause))
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(code, forKey: .code)
    try container.encode(operation, forKey: .operation)
    try container.encode(reason, forKey: .reason)
    try container.encode(remedy, forKey: .remedy)
    try container.encodeIfPresent(cause, forKey: .cause)
  }
}
