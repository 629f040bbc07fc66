import AgentModel
import Deadlines
import Glibc
import NameResolution

/// One agent's TCP connection to the resolver: messages behind their lengths, in bounded room (RFC 7766).
struct ResolverConnection {
  /// Answers that the other side did not take yet, in bytes; with more of them no query is read.
  private static let mostPending = 16 << 10

  let descriptor: Int32
  let source: IPv4Address
  private let idle: Int64
  private let stalled: Int64
  private(set) var deadline: Int64
  private var input: [UInt8] = []
  private var output: [UInt8] = []
  private var isEnding = false

  /// What became of a message.
  enum Handling {
    case answered([UInt8])
    /// There is no answer to such bytes.
    case passedOver
    /// Its sender had too many: the connection must end.
    case refused
  }

  /// What a turn found.
  enum Turn { case goesOn, ended, refused }

  init(descriptor: Int32, source: IPv4Address, limits: ResolverServer.Limits, now: Int64) {
    self.descriptor = descriptor
    self.source = source
    idle = nanoseconds(limits.idle)
    stalled = nanoseconds(limits.stalled)
    deadline = now + idle
  }

  var wantsToRead: Bool { !isEnding && output.count < Self.mostPending }
  var wantsToWrite: Bool { !output.isEmpty }

  /// Reads once, answers what is whole, writes what the other side takes.
  ///
  /// - Parameters:
  ///   - canRead: whether there is something to read.
  ///   - now: nanoseconds of the clock of the deadline.
  ///   - buffer: room for reading.
  ///   - handle: is called with each whole message.
  mutating func turn(
    canRead: Bool, now: Int64, buffer: inout [UInt8], handle: (ArraySlice<UInt8>) -> Handling
  ) -> Turn {
    let (wasPartial, wasWaiting) = (!input.isEmpty, !output.isEmpty)
    guard !canRead || !wantsToRead || read(&buffer) else { return .ended }
    var isAnswered = false
    var isMore = true
    // What was held back while nobody took the answers follows as soon as there is room.
    while isMore {
      guard let isSome = answerWhole(handle) else { return .refused }
      guard write() else { return .ended }
      isAnswered = isAnswered || isSome
      isMore = isSome && output.isEmpty
    }
    if isEnding, output.isEmpty { return .ended }
    let isAtRest = input.isEmpty && output.isEmpty
    if isAnswered || (wasWaiting && output.isEmpty) {
      deadline = now + (isAtRest ? idle : stalled)
    } else if !wasPartial, !wasWaiting, !isAtRest {
      deadline = now + stalled
    }
    return .goesOn
  }

  /// - Returns: whether the connection is still good.
  private mutating func read(_ buffer: inout [UInt8]) -> Bool {
    let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    if count > 0 {
      input += buffer.prefix(count)
    } else if count == 0 {
      isEnding = true
    } else {
      return errno == EAGAIN || errno == EINTR
    }
    return true
  }

  /// - Returns: whether there was a whole message; `nil` when the connection must end.
  private mutating func answerWhole(_ handle: (ArraySlice<UInt8>) -> Handling) -> Bool? {
    var place = 0
    while output.count < Self.mostPending, input.count - place >= 2 {
      let length = Int(input[place]) << 8 | Int(input[place + 1])
      guard length <= Resolver.longestQuery else {
        _ = handle([])  // counted as malformed; where the next message begins is not worth waiting for
        return nil
      }
      let end = place + 2 + length
      guard input.count >= end else { break }
      switch handle(input[(place + 2)..<end]) {
      case .refused: return nil
      case .passedOver: break
      case .answered(let message):
        output.append(UInt8(truncatingIfNeeded: message.count >> 8))
        output.append(UInt8(truncatingIfNeeded: message.count))
        output += message
      }
      place = end
    }
    input.removeFirst(place)
    return place > 0
  }

  private mutating func write() -> Bool {
    while !output.isEmpty {
      let count = send(descriptor, output, output.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
      if count > 0 {
        output.removeFirst(count)
      } else if errno == EAGAIN {
        return true
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }
}
