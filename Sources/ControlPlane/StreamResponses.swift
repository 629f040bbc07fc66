import APIModel
import Faults
import HTTPTypes
import Hummingbird
import NIOCore

// Answers that go on, whatever they are of.

/// What nobody reads would keep the end of the connection from being seen.
func requireNoBody(_ request: Request, operation: String) throws {
  guard (request.headers[.contentLength] ?? "0") == "0", request.headers[.transferEncoding] == nil else {
    throw Fault(.invalid, operation: operation, reason: "the request has a body", remedy: "send none")
  }
}

/// Like `frameResponse`, of events.
func eventResponse(
  _ lease: StreamLease, _ produce: @escaping @Sendable (EventSink) async -> Void
) -> Response {
  Response(
    status: .ok,
    headers: [.contentType: APIProtocol.eventMediaType, .cacheControl: "no-store", .connection: "close"],
    body: ResponseBody { writer in
      defer { lease.end() }
      let sink = EventSink(writer)
      if await lease.whileHeld({ await produce(sink) }) == false { await sink.fail(revoked) }
      try await sink.finish()
    })
}

private var revoked: Fault {
  Fault(
    .unauthenticated, operation: "go on with a stream", reason: "the token was revoked",
    remedy: "ask an administrator for another")
}

/// An answer whose body `produce` writes; gives the stream's slot back at its end.
///
/// The last on its connection. Of a request that has a body, the answer ends after it: an HTTP client or proxy may
/// drop what it has not passed on of an answer when the connection is closed under its request.
func frameResponse(
  _ lease: StreamLease, framed: Bool = true, input: ExecInput? = nil,
  _ produce: @escaping @Sendable (StreamSink) async -> Void
) -> Response {
  Response(
    status: .ok,
    headers: [
      .contentType: framed ? APIProtocol.streamMediaType : "text/plain; charset=utf-8", .cacheControl: "no-store",
      .connection: "close",
    ],
    body: ResponseBody { writer in
      defer { lease.end() }
      let reading = Task { await input?.read() }
      defer { reading.cancel() }
      let sink = StreamSink(writer, framed: framed)
      try await sink.open()
      if await lease.whileHeld({ await produce(sink) }) == false {
        // The work was cancelled, and with that could not say so itself.
        await sink.fail(revoked)
      }
      await input?.dropped()
      try await sink.finish()
      lease.end()
      // A client that goes on sending is cut off.
      let limit = Task {
        try await Task.sleep(for: .seconds(10))
        reading.cancel()
      }
      defer { limit.cancel() }
      await withTaskCancellationHandler {
        await reading.value
      } onCancel: {
        reading.cancel()
      }
    })
}
