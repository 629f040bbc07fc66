import Faults
import JSONValues
import NIOCore

/// A piece of what a program in a Pod wrote.
package enum PodOutput: Hashable, Sendable {
  case standardOutput(ByteBuffer)
  case standardError(ByteBuffer)
}

/// Messages of the WebSocket subprotocol by which programs are run in Pods: a byte that names a channel, then what is
/// said on it (k8s.io/apimachinery, pkg/util/remotecommand/constants.go). Pure.
///
/// What comes is the kubelet's and the program's, and nothing of it is believed. A message may come in several frames, of
/// which the first alone names the channel.
struct ExecMessages {
  /// Of the older ones none can say that the input ends. API servers have it from Kubernetes 1.30 on.
  static let subprotocol = "v5.channel.k8s.io"
  /// Longest Status that is kept, in bytes.
  static let longestStatus = 64 << 10

  enum Channel: UInt8, Sendable {
    case input = 0
    case output = 1
    case error = 2
    /// How the program ended, as a Status.
    case status = 3
    /// No more on the channel that is named in the message.
    case close = 255
  }

  /// Why what came is none of the subprotocol.
  enum Violation: Error, Hashable, CustomStringConvertible {
    case channel(UInt8)
    /// A frame that goes on with a message that none has begun.
    case continuesNothing
    /// A message begins before the last one has ended.
    case beginsWithin
    case longStatus

    var description: String {
      switch self {
      case .channel(let number): "it speaks on channel \(number)"
      case .continuesNothing: "it goes on with a message that it did not begin"
      case .beginsWithin: "it begins a message within another"
      case .longStatus: "its status is longer than \(ExecMessages.longestStatus) bytes"
      }
    }
  }

  private var channel: Channel?
  private var isWithin = false
  private var status: [UInt8] = []

  /// Takes a frame.
  ///
  /// - Parameters:
  ///   - continues: whether it goes on with the message of the frame before.
  ///   - isLast: whether the message ends with it.
  /// - Returns: what of the program's output it is, if any.
  mutating func take(
    _ payload: ByteBuffer, continues: Bool = false, isLast: Bool = true
  ) throws(Violation) -> PodOutput? {
    guard continues == isWithin else { throw isWithin ? .beginsWithin : .continuesNothing }
    isWithin = !isLast
    if !continues { channel = nil }
    var payload = payload
    if channel == nil, let number: UInt8 = payload.readInteger() {
      guard let named = Channel(rawValue: number), named != .input else { throw .channel(number) }
      channel = named
    }
    guard let channel, payload.readableBytes > 0 else { return nil }
    switch channel {
    case .output: return .standardOutput(payload)
    case .error: return .standardError(payload)
    case .status:
      guard status.count + payload.readableBytes <= Self.longestStatus else { throw .longStatus }
      status += payload.readableBytesView
      return nil
    case .input, .close: return nil
    }
  }

  /// Whether it was told how the program ended.
  var isEnded: Bool { !isWithin && !status.isEmpty }

  /// How the program ended, once nothing more comes.
  ///
  /// - Returns: its exit code; 128 + signal where a signal ended it.
  /// - Throws: `Fault(.unavailable)` when that was not told; `Fault(.failed)` when it could not be run.
  func exitCode(_ operation: String) throws(Fault) -> Int32 {
    guard isEnded else {
      throw Fault(
        .unavailable, operation: operation,
        reason: "the connection to the Pod's node ended before the program's exit code came",
        remedy: "look whether the Pod still runs, and try again")
    }
    let json = try? JSON(status)
    if json?["status"]?.string == "Success" { return 0 }
    let told = APIStatus(json ?? .null)
    if told.reason == "NonZeroExitCode" {
      let code = told.causes.first { $0.reason == "ExitCode" }.flatMap { Int32($0.message) }
      if let code, (1...255).contains(code) { return code }
    }
    let reason = oneLine(told.message, longest: 600)
    throw Fault(
      .failed, operation: operation,
      reason: reason.isEmpty ? "its node does not say how the program ended" : "its node says: \(reason)",
      remedy: "check that the program is in the container's image, and that its container runs")
  }

  // MARK: What is sent

  static func input(_ piece: ByteBuffer) -> ByteBuffer {
    var message = ByteBuffer()
    message.reserveCapacity(1 + piece.readableBytes)
    message.writeInteger(Channel.input.rawValue)
    message.writeImmutableBuffer(piece)
    return message
  }

  static let endOfInput = ByteBuffer(bytes: [Channel.close.rawValue, Channel.input.rawValue])
}
