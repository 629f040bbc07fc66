import NIOCore

/// Messages of the WebSocket subprotocol by which a port of a Pod is reached: a byte that names a channel, then what is said
/// on it; the first message of each names the port (k8s.io/kubelet, pkg/cri/streaming/portforward/websocket.go). Pure.
///
/// What comes is the kubelet's and the program's, and nothing of it is believed.
struct PortMessages {
  static let subprotocol = "v4.channel.k8s.io"
  /// Longest word of why there is no connection, in bytes.
  static let longestError = 4 << 10

  private static let data: UInt8 = 0
  private static let error: UInt8 = 1

  enum Violation: Error, Hashable, CustomStringConvertible {
    case channel(UInt8)
    /// A frame that goes on with a message that none has begun, or begins one within another.
    case order
    /// What a channel begins with is no port.
    case port

    var description: String {
      switch self {
      case .channel(let number): "it speaks on channel \(number)"
      case .order: "its frames are no messages"
      case .port: "it does not begin with the port"
      }
    }
  }

  private var channel: UInt8?
  private var isWithin = false
  /// Bytes that are still to come of each channel's port.
  private var portBytes = [2, 2]
  /// Why the kubelet has no connection, in its words; empty where it says nothing.
  private(set) var failure: [UInt8] = []

  /// Takes a frame.
  ///
  /// - Parameters:
  ///   - continues: whether it goes on with the message of the frame before.
  ///   - isLast: whether the message ends with it.
  /// - Returns: what the port said, if anything.
  mutating func take(
    _ payload: ByteBuffer, continues: Bool = false, isLast: Bool = true
  ) throws(Violation) -> ByteBuffer? {
    guard continues == isWithin else { throw .order }
    isWithin = !isLast
    if !continues { channel = nil }
    var payload = payload
    if channel == nil, let number: UInt8 = payload.readInteger() {
      guard number == Self.data || number == Self.error else { throw .channel(number) }
      channel = number
    }
    guard let channel, payload.readableBytes > 0 else { return nil }
    if portBytes[Int(channel)] > 0 {
      let count = payload.readableBytes
      guard count <= portBytes[Int(channel)] else { throw .port }
      portBytes[Int(channel)] -= count
      return nil
    }
    if channel == Self.data { return payload }
    failure += payload.readableBytesView.prefix(Self.longestError - failure.count)
    return nil
  }

  static func data(_ piece: ByteBuffer) -> ByteBuffer {
    var message = ByteBuffer()
    message.reserveCapacity(1 + piece.readableBytes)
    message.writeInteger(data)
    message.writeImmutableBuffer(piece)
    return message
  }
}
