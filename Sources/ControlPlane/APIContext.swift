import Faults
import Hummingbird
import Logging
import NIOCore

/// What is known of a request beside the request.
struct APIContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel
  /// What the answer and the log call the request.
  var requestID: String
  /// Whether the gateway sent the request, by its certificate.
  var isGateway = false
  /// Set by the edge before any route runs, except for the routes that anybody may call.
  var caller: Principal?
  /// Set beside the caller when a browser's cookie told who it is.
  var session: Session?

  init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    channel = source.channel
    // A log handler may keep no metadata; `RequestContext.id` would end the process then.
    requestID = source.logger[metadataKey: "hb.request.id"].map { "\($0)" } ?? "\(RequestID())"
  }

  /// - Throws: `Fault(.unauthenticated)` when the edge let the request through without one: a route cannot forget.
  var principal: Principal {
    get throws {
      guard let caller else {
        throw Fault(
          .unauthenticated, operation: "authenticate the request", reason: "the caller is not known",
          remedy: "send 'Authorization: Bearer' with a token")
      }
      return caller
    }
  }
}
