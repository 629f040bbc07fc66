import APIModel
import AgentModel
import Faults
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging

extension API {
  func addSecretRoutes(to router: Router<APIContext>) {
    router.get("/v1/secrets", use: listSecrets)
    router.put("/v1/tenants/{tenant}/secrets/{secret}", use: setSecret)
    router.delete("/v1/tenants/{tenant}/secrets/{secret}", use: deleteSecret)
  }

  @Sendable private func listSecrets(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    try await access.require(.view, of: principal, operation: "list secrets")
    let secrets = try await secrets.list().filter { principal.sees($0.tenant) }
    return try jsonResponse(Page(items: secrets))
  }

  /// Stores the request's body, byte for byte, as the secret's next version, which the answer's ETag tells.
  @Sendable private func setSecret(_ request: Request, _ context: APIContext) async throws -> Response {
    let reference = try secretReference(request, context)
    let operation = "set secret \(reference)"
    let principal = try context.principal
    try await requireSecretAccess(principal, reference, operation: operation)
    let bytes = Array(try await body(of: request).readableBytesView)
    guard (1...SecretValue.longest).contains(bytes.count) else {
      throw Fault(
        .invalid, operation: operation, reason: "the value has \(bytes.count) bytes, not 1 to \(SecretValue.longest)",
        remedy: "send the value as the request's body")
    }
    let current = try currentVersion(request)
    let version: Int
    do {
      version = try await changeSecret("secret.set", reference, by: principal) {
        try await secrets.set(reference, to: SecretValue(bytes), ifCurrent: current)
      }
    } catch let fault as Fault where fault.code == .conflict && current != nil {
      throw HTTPFault(status: .preconditionFailed, fault: fault)
    }
    return Response(status: .noContent, headers: [.eTag: "\"\(version)\""])
  }

  @Sendable private func deleteSecret(_ request: Request, _ context: APIContext) async throws -> Response {
    let reference = try secretReference(request, context)
    let principal = try context.principal
    try await requireSecretAccess(principal, reference, operation: "delete secret \(reference)")
    try await changeSecret("secret.delete", reference, by: principal) { try await secrets.delete(reference) }
    return Response(status: .noContent)
  }

  private func requireSecretAccess(
    _ principal: Principal, _ reference: SecretReference, operation: String
  ) async throws {
    try await access.require(.change, of: principal, operation: operation)
    guard !principal.sees(reference.tenant) else { return }
    try await access.refuseTenant(principal, operation: operation)
    throw Fault(
      .denied, operation: operation, reason: "\(principal.name) is bound to another tenant",
      remedy: "use the tenant of the token")
  }

  private func changeSecret<Value: Sendable>(
    _ action: String, _ reference: SecretReference, by principal: Principal, _ body: () async throws -> Value
  ) async throws -> Value {
    let event = AuditEvent(
      actor: principal.name, action: action, target: "secret \(reference)", outcome: "allowed")
    try await audit.require(event)
    let value = try await recordingFailure(event, body)
    do { try await node.secretsChanged(reference, in: secrets.index) } catch {
      // It is stored; the node reads it when it is back, within five minutes.
      logger.warning("Agents do not have a change yet", metadata: ["secret": "\(reference)", "error": "\(error)"])
    }
    return value
  }

  /// The version that has to be the newest: `If-Match: "3"`; `If-None-Match: *` for none.
  private func currentVersion(_ request: Request) throws -> Int? {
    let mustBeNew = try mustBeNew(request)
    guard let text = request.headers[.ifMatch], text != "*" else { return mustBeNew ? 0 : nil }
    guard let version: Int = entityTag(text), version > 0 else {
      throw Fault(
        .invalid, operation: "read If-Match", reason: "'\(text.prefix(40))' is no version",
        remedy: "send the ETag of the last answer")
    }
    return mustBeNew ? 0 : version
  }
}

private func secretReference(_ request: Request, _ context: APIContext) throws -> SecretReference {
  func part<Value: ParsedText>(_ what: String, _ text: String?) throws -> Value {
    guard let value = Value(text ?? "") else {
      throw Fault(
        .invalid, operation: "read the request's path", reason: "\(what) '\((text ?? "").prefix(80))' is not valid",
        remedy: "give \(Value.rule)")
    }
    return value
  }
  let tenant: TenantName = try part("the tenant", context.parameters.get("tenant"))
  let name: SecretName = try part("the secret's name", context.parameters.get("secret"))
  let agent = try parameter("agent", of: request, rule: AgentName.rule) { AgentName($0) }
  return SecretReference(tenant: tenant, agent: agent, name: name)
}
