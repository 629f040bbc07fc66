import APIModel
import Faults
import Framing
import Hummingbird
import NIOCore
import Synchronization

/// Where a stream's frames go: the body of an answer, as frames or, for people, as plain text.
final class StreamSink: Sendable {
  private let body: AnswerBody
  private let framed: Bool
  private let exit = Mutex<(code: Int32?, ended: Bool)>((nil, false))

  init(_ writer: any ResponseBodyWriter, framed: Bool) {
    body = AnswerBody(writer)
    self.framed = framed
  }

  /// The code of the exit frame that passed.
  var exitCode: Int32? { exit.withLock { $0.code } }

  /// Lets the head of the answer go out, so that the client knows that its stream is open.
  func open() async throws { try await body.write(ByteBuffer()) }

  @Sendable func send(_ frame: Frame) async throws {
    if frame.kind == .exit {
      let code = try APIJSON.decode(ExitPayload.self, from: frame.payload.readableBytesView).code
      exit.withLock { $0 = (code, true) }
    }
    try await write(frame)
    // Only now: a fault that a cancelled task could not send is sent by another.
    if frame.kind == .fault { exit.withLock { $0.ended = true } }
  }

  /// Ends the stream with a fault, unless it has ended already.
  func fail(_ fault: Fault) async {
    guard !exit.withLock({ $0.ended }) else { return }
    do { try await send(Frame(.fault, ByteBuffer(bytes: try APIJSON.encode(fault)))) } catch {
      // The client is gone: nobody is left to tell.
    }
  }

  func finish() async throws { try await body.finish() }

  private func write(_ frame: Frame) async throws {
    if framed {
      var buffer = ByteBuffer()
      frame.write(into: &buffer)
      try await body.write(buffer)
      return
    }
    switch frame.kind {
    case .standardOutput, .standardError: try await body.write(frame.payload)
    case .fault:
      let fault = try APIJSON.decode(Fault.self, from: frame.payload.readableBytesView)
      try await body.write(ByteBuffer(string: "lobstack: \(fault)\n"))
    default: break
    }
  }
}
