import Faults
import Foundation
import Framing
import NIOCore
import NIOFoundationCompat

/// How a stream ended: the exit code of its program.
package struct StreamExit: Hashable, Sendable, Codable {
  package var code: Int32

  package init(code: Int32) { self.code = code }
}

extension Frame {
  /// A frame whose payload is `value` as JSON.
  ///
  /// - Throws: `Fault(.exhausted)` for one that no reader would take.
  package static func json(_ kind: Kind, _ value: some Encodable) throws -> Frame {
    let bytes = try JSONEncoder.wire.encode(value)
    guard bytes.count <= longestPayload else {
      throw Fault(
        .exhausted, operation: "send a message of \(bytes.count) bytes", reason: "the longest has \(longestPayload)",
        remedy: "delete agents that nobody needs")
    }
    return Frame(kind, ByteBuffer(data: bytes))
  }

  package static func fault(_ error: any Error, operation: String) throws -> Frame {
    try json(.fault, Fault.wrap(error, operation: operation, remedy: "see the log of the node"))
  }

  /// Decodes the payload.
  ///
  /// - Throws: `Fault(.invalid)` when it is not the JSON of a `Value`.
  package func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    do {
      return try JSONDecoder.wire.decode(type, from: Data(buffer: payload))
    } catch {
      throw Fault(
        .invalid, operation: "read a message of \(payload.readableBytes) bytes", reason: "it is not a \(type)",
        remedy: "run the same version of lobstack on both ends", cause: error)
    }
  }
}

extension JSONEncoder {
  fileprivate static var wire: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .secondsSince1970
    return encoder
  }
}

extension JSONDecoder {
  fileprivate static var wire: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .secondsSince1970
    return decoder
  }
}
