import NIOCore

/// Why bytes are not a frame; the connection that sent them is beyond repair.
package enum FrameError: Error, Hashable, Sendable, CustomStringConvertible {
  case unknownKind(UInt8)
  case tooLong(UInt32)

  package var description: String {
    switch self {
    case .unknownKind(let kind): "frame of unknown kind \(kind)"
    case .tooLong(let length): "frame of \(length) bytes, more than \(Frame.longestPayload)"
    }
  }
}

extension Frame {
  private static let headerLength = 5

  /// Takes one frame from the front of `buffer`.
  ///
  /// - Returns: `nil`, with the buffer unchanged, when the frame is not complete yet.
  /// - Throws: `FrameError` for an unknown kind or a payload over the limit.
  package static func read(from buffer: inout ByteBuffer) throws(FrameError) -> Frame? {
    let start = buffer.readerIndex
    guard let kindByte: UInt8 = buffer.getInteger(at: start), let length: UInt32 = buffer.getInteger(at: start + 1)
    else { return nil }
    guard let kind = Kind(rawValue: kindByte) else { throw .unknownKind(kindByte) }
    guard length <= UInt32(longestPayload) else { throw .tooLong(length) }
    guard buffer.readableBytes >= headerLength + Int(length) else { return nil }
    buffer.moveReaderIndex(forwardBy: headerLength)
    guard let payload = buffer.readSlice(length: Int(length)) else { return nil }
    return Frame(kind, payload)
  }

  package func write(into buffer: inout ByteBuffer) {
    buffer.writeInteger(kind.rawValue)
    buffer.writeInteger(UInt32(payload.readableBytes))
    buffer.writeImmutableBuffer(payload)
  }
}

/// Cuts a channel's inbound bytes into frames.
package struct FrameDecoder: ByteToMessageDecoder {
  package typealias InboundOut = Frame

  package init() {}

  package mutating func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
    guard let frame = try Frame.read(from: &buffer) else { return .needMoreData }
    context.fireChannelRead(Self.wrapInboundOut(frame))
    return .continue
  }

  /// Bytes left at the end are a frame cut short; the reader sees the stream end without its last frame.
  package mutating func decodeLast(
    context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool
  ) throws -> DecodingState {
    try decode(context: context, buffer: &buffer)
  }
}

/// Writes frames to a channel.
package struct FrameEncoder: MessageToByteEncoder {
  package typealias OutboundIn = Frame

  package init() {}

  package func encode(data: Frame, out: inout ByteBuffer) { data.write(into: &out) }
}
