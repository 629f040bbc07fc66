/// What is known of one sandbox from its events.
package final class SandboxEvents {
  package private(set) var identity: SandboxIdentity
  /// Other containers of the same sandbox, whose events are its own: on a cluster the one that holds the Pod's
  /// namespaces, and those that were started again.
  private var siblings: [[UInt8]] = []
  private static let mostSiblings = 16
  /// Containers of the platform's own in the same sandbox: what they do is no event to any rule.
  private var platforms: [[UInt8]] = []
  var table = ProcessTable()
  /// As the last message told it.
  package internal(set) var dropped: UInt32 = 0
  /// Messages that could not be read.
  package internal(set) var malformed = 0

  package init(_ identity: SandboxIdentity) { self.identity = identity }

  /// It is known now whose it is, or another container of it runs.
  package func become(_ identity: SandboxIdentity) {
    addSibling(self.identity.container)
    self.identity = identity
  }

  /// Takes a container for one of the same sandbox. Of many the last count.
  package func addSibling(_ container: String) {
    let bytes = Array(container.utf8)
    guard !siblings.contains(bytes) else { return }
    siblings.append(bytes)
    if siblings.count > Self.mostSiblings { siblings.removeFirst() }
  }

  package func setPlatformContainers(_ containers: Set<String>) { platforms = containers.map { Array($0.utf8) } }

  func isPlatforms(_ container: UnsafeRawBufferPointer) -> Bool {
    platforms.contains { container.elementsEqual($0) }
  }

  func owns(_ container: UnsafeRawBufferPointer) -> Bool {
    container.elementsEqual(identity.container.utf8) || siblings.contains { container.elementsEqual($0) }
  }

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
