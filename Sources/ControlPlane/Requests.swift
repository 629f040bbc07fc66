import APIModel
import AgentModel
import Faults
import Hummingbird
import NIOCore

// How routes read what they are given. Every failure names the part of the request.

func agentID(_ context: APIContext) throws -> AgentID {
  let operation = "read the request's path"
  let tenantText = context.parameters.get("tenant") ?? ""
  let nameText = context.parameters.get("name") ?? ""
  guard let tenant = TenantName(tenantText) else {
    throw Fault(
      .invalid, operation: operation, reason: "the tenant '\(tenantText.prefix(80))' is not valid",
      remedy: "give \(TenantName.rule)")
  }
  guard let name = AgentName(nameText) else {
    throw Fault(
      .invalid, operation: operation, reason: "the agent's name '\(nameText.prefix(80))' is not valid",
      remedy: "give \(AgentName.rule)")
  }
  return AgentID(tenant: tenant, name: name)
}

/// A query parameter parsed; `nil` when it is absent.
func parameter<Value>(
  _ name: String, of request: Request, rule: String, _ parse: (String) -> Value?
) throws -> Value? {
  guard let text = request.uri.queryParameters[name[...]] else { return nil }
  guard let value = parse(String(text)) else {
    throw Fault(
      .invalid, operation: "read the query parameter \(name)", reason: "'\(text.prefix(80))' is not valid",
      remedy: "give \(rule)")
  }
  return value
}

func integer(_ name: String, of request: Request, in range: ClosedRange<Int>, default value: Int) throws -> Int {
  try parameter(name, of: request, rule: "a whole number from \(range.lowerBound) to \(range.upperBound)") {
    wholeNumber($0).flatMap { range.contains($0) ? $0 : nil }
  } ?? value
}

/// Of digits alone: no sign.
func wholeNumber<Number: FixedWidthInteger>(_ text: String) -> Number? {
  text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Number(text) : nil
}

func pageLimit(of request: Request) throws -> Int {
  try integer("limit", of: request, in: 1...APIProtocol.longestPage, default: 100)
}

/// - Throws: a 413 when the body is over the limit, without reading the rest into memory.
func body(of request: Request) async throws -> ByteBuffer {
  let tooLong = HTTPFault(
    status: .contentTooLarge,
    fault: Fault(
      .invalid, operation: "read the request's body", reason: "it is longer than \(APIProtocol.longestBody) bytes",
      remedy: "shorten it"))
  if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > APIProtocol.longestBody {
    throw tooLong
  }
  do { return try await request.body.collect(upTo: APIProtocol.longestBody) } catch is NIOTooManyBytesError {
    throw tooLong
  }
}

func text(of request: Request) async throws -> String {
  guard let text = String(validating: try await body(of: request).readableBytesView, as: UTF8.self) else {
    throw Fault(
      .invalid, operation: "read the request's body", reason: "it is not UTF-8 text",
      remedy: "send the document as UTF-8")
  }
  return text
}

func json<Value: Decodable>(_ type: Value.Type, of request: Request) async throws -> Value {
  let bytes = try await body(of: request)
  do { return try APIJSON.decode(type, from: bytes.readableBytesView) } catch {
    throw Fault(
      .invalid, operation: "read the request's body", reason: "it is not the JSON that is expected: \(explain(error))",
      remedy: "see /openapi.json for its form")
  }
}

/// What a `DecodingError` means, without the noise of its description.
private func explain(_ error: any Error) -> String {
  func path(_ context: DecodingError.Context) -> String {
    context.codingPath.isEmpty ? "the value" : context.codingPath.map(\.stringValue).joined(separator: ".")
  }
  return switch error as? DecodingError {
  case .keyNotFound(let key, _): "'\(key.stringValue)' is missing"
  case .typeMismatch(_, let context), .valueNotFound(_, let context): "\(path(context)) has the wrong type"
  case .dataCorrupted(let context): "\(path(context)): \(context.debugDescription)"
  default: "it cannot be decoded"
  }
}

/// What names a request that its client may repeat; `nil` when it has no such name.
func idempotencyKey(of request: Request) throws -> String? {
  guard let key = request.headers[.idempotencyKey] else { return nil }
  guard (1...255).contains(key.utf8.count) else {
    throw Fault(
      .invalid, operation: "read the Idempotency-Key", reason: "it has \(key.utf8.count) bytes, not 1 to 255",
      remedy: "use a UUID")
  }
  return key
}

/// Whether `If-None-Match` wants that nothing is there yet.
/// - Throws: for anything but `*`, as a condition that is not looked at must not pass for one that holds.
func mustBeNew(_ request: Request) throws -> Bool {
  guard let text = request.headers[.ifNoneMatch] else { return false }
  guard text == "*" else {
    throw Fault(
      .invalid, operation: "read the If-None-Match header", reason: "'\(text.prefix(80))' is not '*'",
      remedy: "send '*' to create only, or leave it out")
  }
  return true
}

/// The number in an ETag of this API.
func entityTag<Number: FixedWidthInteger>(_ text: String) -> Number? {
  guard text.count > 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return nil }
  return wholeNumber(String(text.dropFirst().dropLast()))
}

/// The generation that `If-Match` names; `nil` without the header and for `*`.
func matchedGeneration(_ request: Request) throws -> Int64? {
  guard let text = request.headers[.ifMatch], text != "*" else { return nil }
  guard let generation: Int64 = entityTag(text) else {
    throw Fault(
      .invalid, operation: "read the If-Match header", reason: "'\(text.prefix(80))' is not an ETag of this API",
      remedy: "send the ETag of the agent's last answer")
  }
  return generation
}
