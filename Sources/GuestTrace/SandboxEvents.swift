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
  package func beginSession() { dropped = 0 }

  package var processCount: Int { table.count }
  package var hasOverflowed: Bool { table.hasOverflowed }
}
