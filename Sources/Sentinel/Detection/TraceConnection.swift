import Glibc
import GuestTrace

/// A sandbox's connection, from its greeting to its end.
struct TraceConnection {
  /// gVisor's version of the protocol (pkg/sentry/seccheck/sinks/remote): `Handshake{version: 1}`.
  private static let greeting: [UInt8] = [0x08, 0x01]
  /// Nanoseconds that a runsc may take to greet, or has to wait until its sandbox is known.
  static let patience: Int64 = 5_000_000_000

  enum State {
    /// Nothing was said yet.
    case accepted
    /// It wants to be answered, which waits until the sandbox is known.
    case greeted
    /// It was answered, and is not known yet.
    case held(HeldTrace)
    case attached(SandboxEvents)
  }

  let descriptor: Int32
  var peer: TracePeer
  /// Names it.
  let number: UInt64
  /// By the monotonic clock, nanoseconds; of one that is not attached.
  var deadline: Int64
  var state = State.accepted
  var messages: UInt64 = 0
  /// As told last, so that more of them show.
  var toldDropped: UInt32 = 0
  /// All of them: gVisor's own number wraps.
  var dropped: UInt64 = 0
  var toldMalformed = 0
  var toldOverflow = false
  /// By the real clock, nanoseconds.
  var lastMessage: Int64 = 0
  /// Ids of its first containers, on a cluster.
  var starts: [String] = []
  /// Whether nobody says whose sandbox it is.
  var isStranger = false
  /// Whether it said all before it was known.
  var isOver = false

  /// - Returns: whether it is a version that is understood; `nil` when nothing has come yet.
  func readGreeting() -> Bool? {
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
    if count < 0, errno == EAGAIN || errno == EINTR { return nil }
    return count > 0 && bytes.prefix(count).elementsEqual(Self.greeting)
  }

  /// - Returns: whether the other end was there to be answered.
  func answerGreeting() -> Bool {
    send(descriptor, Self.greeting, Self.greeting.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
      == Self.greeting.count
  }
}
