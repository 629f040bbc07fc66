import Detection
import Faults
import Foundation
import Sentinel
import Supervision

/// Rules files as they lie on disk.
enum RuleFiles {
  /// The instance's `policy/falco`, or the one that an instance would start with.
  static func policyDirectory() throws -> String {
    try PolicySource.find(given: nil, executable: Platform.currentExecutable).directory + "/falco"
  }

  static func read(_ path: String) throws -> String {
    try NamedFile.text(of: path)
  }

  /// Loads files one after the other.
  ///
  /// - Throws: `Fault(.invalid)` with the first problem.
  static func load(_ paths: [String]) throws -> CompiledRules {
    try RuleDirectory.compile(try paths.map { (name: $0, text: try read($0)) })
  }
}
