/// What `lobstack vault status` tells.
package struct VaultReport: Sendable, Codable {
  package struct Node: Sendable, Codable {
    package var name: String
    package var address: String
    package var state: String
  }

  package struct Key: Sendable, Codable {
    package var name: String
    package var type: String
    package var version: Int
    /// 0 for one that is not rotated by itself.
    package var rotationDays: Int
  }

  package var address: String
  package var api: String
  package var version: String
  /// `ready`, `sealed` or `uninitialised`.
  package var state: String
  package var seal: String
  package var sharesGiven: Int
  package var sharesNeeded: Int
  package var nodes: [Node] = []
  /// Nodes that may fail before it stops.
  package var failureTolerance = 0
  package var drift: [String] = []
  package var keys: [Key] = []
}

package struct KeyRotation: Sendable, Codable {
  /// Keys that got another version.
  package var rotated = 0
  package var rewrapped = 0
  /// Wrapped by the newest version before.
  package var current = 0
  package var failed: [String] = []
}
