import GuestTrace

/// What a sandbox told before it is known whose it is, in bounded room.
final class HeldTrace {
  /// Bytes of all messages.
  static let longest = 4 << 20
  /// Containers that start before any program of an agent runs: that which holds the Pod's namespaces, and the agent's.
  /// What is told later may be the agent's own invention.
  static let mostStarts = 2

  private(set) var messages: [[UInt8]] = []
  private(set) var starts: [String] = []
  private var size = 0

  var isFull: Bool { size >= Self.longest }

  /// - Returns: whether it can be what a sandbox tells that began with its trace: a start of a container comes first.
  func take(_ message: UnsafeRawBufferPointer) -> Bool {
    if let container = TraceMessage.startedContainer(message) {
      if starts.count < Self.mostStarts, !starts.contains(container) { starts.append(container) }
    } else if starts.isEmpty {
      return false
    }
    // With what an array has of its own.
    size += message.count + 64
    messages.append(Array(message))
    return true
  }
}
