import Foundation
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix

/// A client that sends what no library would.
struct RawClient: Sendable {
  private typealias Frames = NIOAsyncChannel<HTTP2Frame.FramePayload, HTTP2Frame.FramePayload>
  private let connection: any Channel
  private let multiplexer: NIOHTTP2Handler.AsyncStreamMultiplexer<Void>

  init(_ socket: String) async throws {
    (connection, multiplexer) = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connect(unixDomainSocketPath: socket) { channel in
        channel.eventLoop.makeCompletedFuture {
          let multiplexer = try channel.pipeline.syncOperations.configureAsyncHTTP2Pipeline(mode: .client) { stream in
            stream.eventLoop.makeSucceededVoidFuture()
          }
          return (channel, multiplexer)
        }
      }
  }

  var isOpen: Bool { connection.isActive }

  func close() async throws { try await connection.close() }

  /// Headers of a call that is as it should be.
  static func headers(_ method: String = "FetchX509Bundles") -> HPACKHeaders {
    [
      ":method": "POST", ":scheme": "http", ":path": "/SpiffeWorkloadAPI/\(method)", ":authority": "localhost",
      "content-type": "application/grpc", "te": "trailers", "workload.spiffe.io": "true",
    ]
  }

  /// A message with its prefix.
  static func framed(_ message: [UInt8] = [], compressed: UInt8 = 0, length: Int? = nil) -> [UInt8] {
    [compressed] + withUnsafeBytes(of: UInt32(length ?? message.count).bigEndian, Array.init) + message
  }

  struct Answer: Sendable {
    /// All headers and trailers, in one.
    var headers = HPACKHeaders()
    var data: [UInt8] = []

    var status: String? { headers.first(name: "grpc-status") ?? headers.first(name: ":status") }
    var message: String? { headers.first(name: "grpc-message") }
  }

  /// Sends a call in pieces, and reads until the stream ends or `enough` says so.
  ///
  /// - Parameter pieces: `nil` leaves the call open, as a caller does who never comes to the point.
  func call(
    _ headers: HPACKHeaders = Self.headers(), _ pieces: [[UInt8]]? = [Self.framed()],
    enough: @escaping @Sendable (Answer) -> Bool = { _ in false }
  ) async throws -> Answer {
    let stream = try await multiplexer.openStream { channel in
      channel.eventLoop.makeCompletedFuture { try Frames(wrappingChannelSynchronously: channel) }
    }
    return try await stream.executeThenClose { inbound, outbound in
      try await outbound.write(.headers(.init(headers: headers)))
      for (number, piece) in (pieces ?? []).enumerated() {
        let isLast = number + 1 == pieces?.count
        try await outbound.write(
          .data(.init(data: .byteBuffer(ByteBuffer(bytes: piece)), endStream: isLast)))
      }
      var answer = Answer()
      for try await payload in inbound {
        switch payload {
        case .headers(let headers):
          answer.headers.add(contentsOf: headers.headers)
          if headers.endStream { return answer }
        case .data(let data):
          if case .byteBuffer(var buffer) = data.data {
            answer.data += buffer.readBytes(length: buffer.readableBytes) ?? []
          }
        default: break
        }
        if enough(answer) { return answer }
      }
      return answer
    }
  }
}
