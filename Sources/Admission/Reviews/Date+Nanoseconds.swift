import Foundation

extension Date {
  /// Since 1970, as policies have the time.
  package var nanoseconds: Int { Int(timeIntervalSince1970 * 1_000_000_000) }
}
