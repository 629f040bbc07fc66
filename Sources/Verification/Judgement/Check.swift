import Compliance

/// One promise of the platform with the attack on it.
package struct Check: Sendable {
  package let id: String
  package let layer: String
  package let title: String
  /// Longest time for the whole check; past it the evidence counts as missing.
  package let deadline: Duration
  /// Runs while no other check does, because it loads the machine or measures time.
  package let isAlone: Bool
  /// Takes so long that a quick run leaves it out, unless it is named.
  package let isLong: Bool
  /// Runs by `--break` alone, unless it is named.
  package let isBreak: Bool
  let body: @Sendable () async throws -> Finding

  package init(
    _ id: String, layer: String, title: String, deadline: Duration = .seconds(40),
    isAlone: Bool = false, isLong: Bool = false, isBreak: Bool = false,
    body: @escaping @Sendable () async throws -> Finding
  ) {
    self.id = id
    self.layer = layer
    self.title = title
    self.deadline = deadline
    self.isAlone = isAlone
    self.isLong = isLong
    self.isBreak = isBreak
    self.body = body
  }

  /// Trust Services Criteria that the promise serves.
  package var criteria: [String] { Control.criteria(of: id) }
}

/// Thrown by a check whose means are missing on this machine: the attack cannot be made, so it proves nothing.
package struct NotTestable: Error, CustomStringConvertible {
  package let description: String

  package init(_ why: String) { description = why }
}
