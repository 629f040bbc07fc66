import Synchronization

/// Compiled regular expressions of a program, kept from one evaluation to the next: to compile one takes longer than most
/// evaluations.
final class SearchExpressions: Sendable {
  /// Each may take megabytes, and a policy may make one of what an object says.
  private static let most = 16
  private static let longest = 1_024

  /// By the bytes of the pattern: Swift takes some different strings for the same. `nil` for what is none.
  private let known = Mutex<[[UInt8]: SearchExpression?]>([:])

  /// - Parameter make: called for a pattern that is not known.
  func expression(_ pattern: [UInt8], make: () throws -> SearchExpression?) rethrows -> SearchExpression? {
    if let found = known.withLock({ $0[pattern] }) { return found }
    let made = try make()
    guard pattern.count <= Self.longest else { return made }
    known.withLock { known in
      if known.count >= Self.most { known.removeAll() }
      known.updateValue(made, forKey: pattern)
    }
    return made
  }
}
