import APIModel
import Faults
import HTTPTypes
import Hummingbird
import NIOCore

/// A fault whose status is not that of its code, or that needs headers.
struct HTTPFault: Error {
  var status: HTTPResponse.Status
  var fault: Fault
  var headers: HTTPFields = [:]
}

extension Fault.Code {
  /// More than its share was asked for; it is there again after a while.
  static let throttled = Self("throttled")
  /// There is no room on a disk, or what is left of it is reserved; waiting does not help.
  static let full = Self("full")
}

extension HTTPResponse.Status {
  /// RFC 4918 §11.5.
  static let insufficientStorage = Self(code: 507, reasonPhrase: "Insufficient Storage")
}

/// The one table from the kind of a failure to an HTTP status.
func status(of code: Fault.Code) -> HTTPResponse.Status {
  switch code {
  case .invalid: .badRequest
  case .unauthenticated: .unauthorized
  case .denied: .forbidden
  case .notFound: .notFound
  case .alreadyExists, .conflict: .conflict
  case .unsupported: .unprocessableContent
  case .exhausted, .unavailable: .serviceUnavailable
  case .throttled: .tooManyRequests
  case .full: .insufficientStorage
  case .timedOut: .gatewayTimeout
  default: .internalServerError
  }
}

func problemResponse(_ fault: Fault, status: HTTPResponse.Status, headers: HTTPFields = [:]) -> Response {
  var headers = headers
  headers[.contentType] = APIProtocol.problemMediaType
  if status == .unauthorized { headers[.wwwAuthenticate] = "Bearer" }
  let problem = Problem(status: status.code, title: status.reasonPhrase, fault: fault)
  // Strings and a number always encode; an empty body still carries the status.
  let bytes = (try? APIJSON.encode(problem)) ?? []
  return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
}

func problemResponse(_ error: any Error) -> Response {
  switch error {
  case let error as HTTPFault:
    return problemResponse(error.fault, status: error.status, headers: error.headers)
  case let fault as Fault:
    var headers: HTTPFields = [:]
    let status = status(of: fault.code)
    if status == .serviceUnavailable || status == .tooManyRequests { headers[.retryAfter] = "2" }
    return problemResponse(fault, status: status, headers: headers)
  case is CancellationError:
    let fault = Fault(
      .unavailable, operation: "answer the request", reason: "the control plane is shutting down",
      remedy: "try again in a few seconds")
    return problemResponse(fault, status: .serviceUnavailable, headers: [.retryAfter: "2"])
  default:
    let fault = Fault(
      .failed, operation: "answer the request", reason: "an error that the control plane did not expect",
      remedy: "see the control plane's log for the request's id")
    return problemResponse(fault, status: .internalServerError)
  }
}

func jsonResponse(
  _ value: some Encodable, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
) throws -> Response {
  var headers = headers
  headers[.contentType] = "application/json"
  headers[.cacheControl] = "no-store"
  return Response(
    status: status, headers: headers,
    body: ResponseBody(byteBuffer: ByteBuffer(bytes: try APIJSON.encode(value))))
}
