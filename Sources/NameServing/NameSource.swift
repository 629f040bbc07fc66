import NameResolution

/// Where a server learns who may resolve which names.
///
/// It is asked between two waits of the server's thread, so must not wait itself.
package protocol NameSource: Sendable {
  /// Changes the resolver by what has changed since the last call.
  ///
  /// - Parameters:
  ///   - now: nanoseconds of the monotonic clock.
  ///   - isUrgent: whether a change must not wait for the next call.
  /// - Returns: whether something did.
  mutating func update(_ resolver: inout Resolver, now: Int64, isUrgent: Bool) -> Bool
}
