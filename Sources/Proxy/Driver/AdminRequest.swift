import Faults
import NIOCore
import NIOHTTP1
import NIOPosix

/// One request to Envoy's admin interface on its Unix socket: a connection of its own, bounded in time and size.
struct AdminRequest: Sendable {
  /// Longest answer that is read. The statistics of 500 agents have about 1 MiB.
  static let longestAnswer = 16 << 20

  /// A POST, which tells Envoy to do something; else a GET.
  var isCommand = false
  /// Path with its query, encoded.
  let path: String

  /// - Returns: The body of a 200 answer.
  /// - Throws: `Fault(.unavailable)` when nobody listens or the answer breaks off, `Fault(.timedOut)`,
  ///   `Fault(.exhausted)` over `longestAnswer`, `Fault(.failed)` for any other status.
  func send(to socket: String, timeout: Duration) async throws -> String {
    try await withThrowingTaskGroup(of: String.self) { group in
      group.addTask { try await converse(socket) }
      group.addTask {
        try await Task.sleep(for: timeout)
        throw Fault(
          .timedOut, operation: operation(socket), reason: "no answer within \(timeout)",
          remedy: "check the load of the machine and Envoy's log")
      }
      defer { group.cancelAll() }
      guard let answer = try await group.next() else { throw CancellationError() }
      return answer
    }
  }

  private typealias AdminChannel = NIOAsyncChannel<HTTPClientResponsePart, HTTPPart<HTTPRequestHead, ByteBuffer>>

  private func converse(_ socket: String) async throws -> String {
    do {
      let channel = try await connect(socket)
      return try await channel.executeThenClose { inbound, outbound in
        let headers = HTTPHeaders([("host", "envoy"), ("connection", "close"), ("content-length", "0")])
        let head = HTTPRequestHead(version: .http1_1, method: isCommand ? .POST : .GET, uri: path, headers: headers)
        // In one go: Envoy answers and closes as soon as it has the head.
        try await outbound.write(contentsOf: [.head(head), .end(nil)])
        return try await answer(inbound, socket: socket)
      }
    } catch let error where !(error is Fault || error is CancellationError) {
      throw Fault(
        .unavailable, operation: operation(socket), reason: "nobody answers there",
        remedy: "see whether Envoy runs with 'lobstack status'", cause: error)
    }
  }

  private func connect(_ socket: String) async throws -> AdminChannel {
    try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connectTimeout(.seconds(5))
      .connect(unixDomainSocketPath: socket) { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHTTPClientHandlers()
          try channel.pipeline.syncOperations.addHandler(RequestBody())
          return try AdminChannel(wrappingChannelSynchronously: channel)
        }
      }
  }

  private func answer(_ parts: NIOAsyncChannelInboundStream<HTTPClientResponsePart>, socket: String) async throws
    -> String
  {
    var status = HTTPResponseStatus.ok
    var body = ByteBuffer()
    for try await part in parts {
      switch part {
      case .head(let head): status = head.status
      case .body(var piece):
        guard body.readableBytes + piece.readableBytes <= Self.longestAnswer else {
          throw Fault(
            .exhausted, operation: operation(socket), reason: "the answer is over \(Self.longestAnswer) bytes",
            remedy: "ask for less")
        }
        body.writeBuffer(&piece)
      case .end:
        let text = String(buffer: body)
        guard status == .ok else {
          throw Fault(
            .failed, operation: operation(socket), reason: "it answers \(status.code): \(text.prefix(200))",
            remedy: "see Envoy's log")
        }
        return text
      }
    }
    throw Fault(
      .unavailable, operation: operation(socket), reason: "the answer breaks off", remedy: "see Envoy's log")
  }

  private func operation(_ socket: String) -> String {
    "ask Envoy at \(socket) for \(path.prefix { $0 != "?" })"
  }
}

/// Lets a request be written with plain buffers, which may cross threads.
private final class RequestBody: ChannelOutboundHandler, Sendable {
  typealias OutboundIn = HTTPPart<HTTPRequestHead, ByteBuffer>
  typealias OutboundOut = HTTPClientRequestPart

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let part: HTTPClientRequestPart =
      switch unwrapOutboundIn(data) {
      case .head(let head): .head(head)
      case .body(let buffer): .body(.byteBuffer(buffer))
      case .end(let trailers): .end(trailers)
      }
    context.write(wrapOutboundOut(part), promise: promise)
  }
}
