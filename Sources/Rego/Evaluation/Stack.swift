/// How much of its thread's stack an evaluation uses, which recurses as deep as policies nest.
///
/// Threads have two megabytes at least (pthread_attr_init(3)).
struct Stack {
  private static let most = 1 << 20
  private let start = Self.position

  init() {}

  /// - Throws: `StackExceeded`.
  @inline(__always) func check() throws {
    guard abs(start - Self.position) <= Self.most else { throw StackExceeded() }
  }

  private static var position: Int {
    @inline(__always) get {
      var mark: UInt8 = 0
      return withUnsafeMutablePointer(to: &mark) { Int(bitPattern: $0) }
    }
  }
}

/// An evaluation nests deeper than it may.
struct StackExceeded: Error {}
