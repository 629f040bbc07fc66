/// What is known of one sandbox from its events.
package final class SandboxEvents {
  package let identity: SandboxIdentity
  var table = ProcessTable()
  /// As the last message told it.
  package internal(set) var dropped: UInt32 = 0
  /// Messages that could not be read.
  package internal(set) var malformed = 0

  package init(_ identity: SandboxIdentity) { self.identity = identity }

  /// gVisor counts anew what it drops.
  ///
  /// - Parameter isLate: the sandbox ran before, so that processes turn up whose beginning was not told.
  package func beginSession(isLate: Bool) {
    dropped = 0
    if isLate { isWhole = false }
  }

  /// Whether every process of its own was told of, as far as is known.
  var isWhole = true

  package var processCount: Int { table.count }
  package var hasOverflowed: Bool { table.hasOverflowed }
}
