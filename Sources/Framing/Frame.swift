import NIOCore

/// One piece of a stream: a kind byte, the payload's length as a big-endian UInt32, the payload.
///
/// The same framing carries requests and replies on the node's socket, and an exec's input and output over HTTP
/// (`application/vnd.lobstack.stream`).
package struct Frame: Hashable, Sendable {
  package enum Kind: UInt8, Sendable {
    /// A `NodeRequest`, a `NodeReply` or an `ExecRequest` as JSON.
    case message = 0
    case standardInput = 1
    case standardOutput = 2
    case standardError = 3
    /// No more standard input.
    case endOfInput = 4
    /// The program's exit code as JSON `{"code": n}`; the last frame of a stream.
    case exit = 5
    /// A `Fault` as JSON; the last frame of a stream that failed.
    case fault = 6
  }

  /// Longest payload: 4 MiB for messages; streams send at most 64 KiB a frame.
  package static let longestPayload = 4 << 20

  package let kind: Kind
  package let payload: ByteBuffer

  package init(_ kind: Kind, _ payload: ByteBuffer = ByteBuffer()) {
    self.kind = kind
    self.payload = payload
  }
}
