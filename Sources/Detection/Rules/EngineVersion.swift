/// The version of a rules engine: `major.minor.patch`.
package struct EngineVersion: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The engine whose language this room speaks.
  package static let current = EngineVersion(major: 0, minor: 63, patch: 0)

  let major: UInt32
  let minor: UInt32
  let patch: UInt32

  init(major: UInt32, minor: UInt32, patch: UInt32) { (self.major, self.minor, self.patch) = (major, minor, patch) }

  /// - Parameter text: three numbers with dots between; what follows them is not looked at.
  init?(_ text: String) {
    let words = text.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
    guard words.count == 3, let major = UInt32(words[0]), let minor = UInt32(words[1]),
      let patch = UInt32(words[2].prefix { $0.isASCII && $0.isNumber })
    else { return nil }
    self.init(major: major, minor: minor, patch: patch)
  }

  /// Whether an engine of this version takes rules that ask for another.
  func isCompatible(with required: EngineVersion) -> Bool { major == required.major && self >= required }

  package static func < (left: EngineVersion, right: EngineVersion) -> Bool {
    (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
  }

  package var description: String { "\(major).\(minor).\(patch)" }
}
