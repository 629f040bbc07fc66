import Logging
import NIOCore
import NIOHPACK
import NIOHTTP2

/// One call on one HTTP/2 stream, from its first frame to its last.
struct Call: Sendable {
  private let channel: CallChannel
  private let user: UInt32
  private let service: WorkloadService
  private let logger: Logger
  private static let grace = Duration.seconds(1)

  private enum Part { case caller, answer }

  init(_ channel: CallChannel, user: UInt32, service: WorkloadService, logger: Logger) {
    self.channel = channel
    self.user = user
    self.service = service
    self.logger = logger
  }

  func run(_ limits: WorkloadServer.Limits) async {
    do {
      try await channel.executeThenClose { inbound, outbound in
        let (calls, feed) = AsyncStream.makeStream(
          of: Result<CallAssembler.Call, any Error>.self, bufferingPolicy: .bufferingOldest(1))
        try await withThrowingTaskGroup(of: Part.self) { group in
          group.addTask {
            try await read(inbound, feed)
            return .caller
          }
          group.addTask {
            try await answer(calls, outbound, limits)
            return .answer
          }
          // A caller that goes away ends the answer. One that still sends gets a moment to end its side: a stream that
          // is reset on top of its answer may take the answer with it.
          if try await group.next() == .answer {
            group.addTask {
              try await Task.sleep(for: Self.grace)
              return .answer
            }
            _ = try await group.next()
          }
          group.cancelAll()
        }
      }
    } catch is CancellationError {
      return
    } catch is CallerGone {
      return
    } catch {
      logger.debug("Call ended", metadata: ["peer.uid": "\(user)", "error": "\(error)"])
    }
  }

  /// Reads to the end of the stream, which comes when the caller cancels or goes away.
  private func read(
    _ inbound: NIOAsyncChannelInboundStream<HTTP2Frame.FramePayload>,
    _ feed: AsyncStream<Result<CallAssembler.Call, any Error>>.Continuation
  ) async throws {
    defer { feed.finish() }
    var assembler = CallAssembler()
    var isFed = false
    for try await payload in inbound where !isFed {
      let result = Result { try assembler.add(payload) }
      switch result {
      case .success(nil): continue
      case .success(let call?): feed.yield(.success(call))
      case .failure(let error): feed.yield(.failure(error))
      }
      isFed = true
    }
  }

  private func answer(
    _ calls: AsyncStream<Result<CallAssembler.Call, any Error>>,
    _ outbound: NIOAsyncChannelOutboundWriter<HTTP2Frame.FramePayload>, _ limits: WorkloadServer.Limits
  ) async throws {
    let reply = Reply(outbound)
    do {
      let call = try await withThrowingTaskGroup(of: CallAssembler.Call?.self) { group in
        group.addTask {
          for await result in calls { return try result.get() }
          return nil
        }
        group.addTask {
          try await Task.sleep(for: limits.requestTimeout)
          throw CallStatus(.deadlineExceeded, "the request did not come in time")
        }
        defer { group.cancelAll() }
        return try await group.next() ?? nil
      }
      guard let call else { return }
      try await service.answer(call, user: user) { try await reply.send($0) }
      try await reply.finish(nil)
    } catch let status as CallStatus {
      logger.info(
        "Call refused", metadata: ["peer.uid": "\(user)", "status": "\(status.code)", "reason": "\(status.message)"])
      try await reply.finish(status)
    } catch let refusal as CallAssembler.NotGRPC {
      try await reply.refuse(httpStatus: refusal.httpStatus)
    } catch let error where error is CancellationError || error is CallerGone {
      throw error
    } catch {
      logger.warning("Call failed", metadata: ["peer.uid": "\(user)", "error": "\(error)"])
      try await reply.finish(CallStatus(.internal, "the platform could not answer; its log says why"))
    }
  }
}

/// Nobody reads the answer any more.
private struct CallerGone: Error {}

/// The frames of an answer: headers, messages, trailers; or trailers alone.
private actor Reply {
  private let outbound: NIOAsyncChannelOutboundWriter<HTTP2Frame.FramePayload>
  private var hasBegun = false

  init(_ outbound: NIOAsyncChannelOutboundWriter<HTTP2Frame.FramePayload>) { self.outbound = outbound }

  func send(_ message: [UInt8]) async throws {
    try await begin()
    var buffer = ByteBuffer()
    buffer.reserveCapacity(message.count + 5)
    buffer.writeInteger(UInt8(0))
    buffer.writeInteger(UInt32(message.count))
    buffer.writeBytes(message)
    try await write(.data(.init(data: .byteBuffer(buffer))))
  }

  /// - Parameter status: why it did not end well.
  func finish(_ status: CallStatus?) async throws {
    var headers = hasBegun ? HPACKHeaders() : Reply.head
    headers.add(name: "grpc-status", value: "\(status?.code.rawValue ?? 0)")
    if let status { headers.add(name: "grpc-message", value: status.headerMessage) }
    try await write(.headers(.init(headers: headers, endStream: true)))
    outbound.finish()
  }

  func refuse(httpStatus: Int) async throws {
    try await write(.headers(.init(headers: [":status": "\(httpStatus)", "content-length": "0"], endStream: true)))
    outbound.finish()
  }

  private func begin() async throws {
    guard !hasBegun else { return }
    hasBegun = true
    try await write(.headers(.init(headers: Reply.head)))
  }

  private func write(_ payload: HTTP2Frame.FramePayload) async throws {
    do { try await outbound.write(payload) } catch {
      if error is CancellationError { throw error }
      throw CallerGone()
    }
  }

  private static var head: HPACKHeaders { [":status": "200", "content-type": "application/grpc"] }
}
