import Synchronization

/// The namespaces of whose objects everything is known.
final class KnownNamespaces: Sendable {
  private let names = Mutex<Set<String>>([])

  func insert(_ namespace: String) { names.withLock { _ = $0.insert(namespace) } }

  func contains(_ namespace: String) -> Bool { names.withLock { $0.contains(namespace) } }
}
