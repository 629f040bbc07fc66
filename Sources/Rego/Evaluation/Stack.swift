/// How much of its thread's stack an evaluation uses, which recurses as deep as policies nest.
///
/// A thread has to have four megabytes: what looks into deep values takes as much again, and the parser of YAML, which
/// recurses as deep as its text, up to two (`YAMLFilter`).
struct Stack {
  private static let most = 512 << 10
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
