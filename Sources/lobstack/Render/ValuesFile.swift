import Faults
import Foundation
import Manifests

/// The file of a cluster's values that a user named.
enum ValuesFile {
  /// - Parameter name: a path, or `-` for standard input.
  static func text(_ name: String) throws -> String {
    guard name == "-" else { return try NamedFile.text(of: name, longest: Manifest.longestText) }
    let source = "standard input"
    return try NamedFile.text(
      NamedFile.bytes(source, longest: Manifest.longestText) { .standardInput }, source: source)
  }
}
