import NIOCore
import NIOHPACK
import NIOHTTP2

/// Puts one call together from the frames of its HTTP/2 stream: headers, then one message with its five-byte prefix
/// (https://grpc.github.io/grpc/core/md_doc__p_r_o_t_o_c_o_l-_h_t_t_p2.html). No method here takes more than one.
struct CallAssembler {
  private var head: Head?
  private var body = ByteBuffer()
  private var isComplete = false
  /// Longest message, in bytes: a token to validate, with room.
  static let messageLimit = 32 * 1024

  struct Head: Hashable {
    let path: String
    /// Whether the caller declares that it means to speak to this API, and is not tricked into it (SPIFFE Workload
    /// Endpoint §4.1).
    let isDeclared: Bool
  }

  struct Call: Hashable {
    let head: Head
    let message: [UInt8]
  }

  /// A request that is not gRPC: it is answered in plain HTTP.
  struct NotGRPC: Error, Hashable {
    let httpStatus: Int
  }

  /// - Returns: the call, once it is complete.
  /// - Throws: `NotGRPC`, `CallStatus`.
  mutating func add(_ payload: HTTP2Frame.FramePayload) throws -> Call? {
    switch payload {
    case .headers(let headers):
      if head == nil { head = try Self.head(headers.headers) }
      // Trailers of a request say nothing.
      return headers.endStream ? try complete() : nil
    case .data(let data):
      guard !isComplete else { return nil }
      if case .byteBuffer(var buffer) = data.data { body.writeBuffer(&buffer) }
      guard body.readableBytes <= Self.messageLimit + 5 else {
        throw CallStatus(.resourceExhausted, "the message is longer than \(Self.messageLimit) bytes")
      }
      return data.endStream ? try complete() : nil
    default: return nil
    }
  }

  private mutating func complete() throws -> Call? {
    guard !isComplete, let head else { return nil }
    isComplete = true
    guard let isCompressed = body.readInteger(as: UInt8.self), let length = body.readInteger(as: UInt32.self) else {
      throw CallStatus(.invalidArgument, "there is no message")
    }
    guard isCompressed == 0 else { throw CallStatus(.unimplemented, "compression is not supported") }
    guard let message = body.readBytes(length: Int(length)), body.readableBytes == 0 else {
      throw CallStatus(.invalidArgument, "it is not one message")
    }
    return Call(head: head, message: message)
  }

  private static func head(_ headers: HPACKHeaders) throws -> Head {
    guard headers.first(name: ":method") == "POST" else { throw NotGRPC(httpStatus: 405) }
    let type = headers.first(name: "content-type") ?? ""
    guard type == "application/grpc" || type.hasPrefix("application/grpc+") || type.hasPrefix("application/grpc;")
    else { throw NotGRPC(httpStatus: 415) }
    return Head(
      path: headers.first(name: ":path") ?? "", isDeclared: headers["workload.spiffe.io"] == ["true"])
  }
}
