import APIModel
import Faults
import Hummingbird
import NIOCore

/// The body of an answer as `text/event-stream` (WHATWG HTML, "Server-sent events").
struct EventSink: Sendable {
  private let body: AnswerBody

  init(_ writer: any ResponseBodyWriter) { body = AnswerBody(writer) }

  /// Tells where the client goes on when the connection breaks. Browsers take it as no event of its own.
  func send(place: Int64) async throws { try await write("id: \(place)\n\n") }

  func send(_ value: some Encodable, place: Int64) async throws {
    try await write("id: \(place)\ndata: \(String(decoding: try APIJSON.encode(value), as: UTF8.self))\n\n")
  }

  /// Tells why the stream ends.
  func fail(_ fault: Fault) async {
    do {
      try await write("event: fault\ndata: \(String(decoding: try APIJSON.encode(fault), as: UTF8.self))\n\n")
    } catch {
      // The client is gone: nobody is left to tell.
    }
  }

  func finish() async throws { try await body.finish() }

  private func write(_ text: String) async throws { try await body.write(ByteBuffer(string: text)) }
}
