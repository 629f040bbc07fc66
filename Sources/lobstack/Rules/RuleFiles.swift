import Detection
import Faults
import Foundation
import Supervision

/// Rules files as they lie on disk.
enum RuleFiles {
  /// The instance's `policy/falco`, or the one that an instance would start with.
  static func policyDirectory() throws -> String {
    try PolicySource.find(given: nil, executable: Platform.currentExecutable).directory + "/falco"
  }

  /// The rules files of a directory in alphabetical order; a file stands for itself.
  ///
  /// - Throws: `Fault(.notFound)` for a directory without one.
  static func paths(in path: String) throws -> [String] {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue else {
      return [path]
    }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    let files = names.filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".yml") }.sorted()
    guard !files.isEmpty else {
      throw Fault(
        .notFound, operation: "read rules from \(path)", reason: "it has no .yaml file", remedy: "name a rules file")
    }
    return files.map { "\(path)/\($0)" }
  }

  static func read(_ path: String) throws -> String {
    try NamedFile.text(NamedFile.bytes(path) { try FileHandle(forReadingFrom: URL(filePath: path)) }, source: path)
  }

  /// Loads files one after the other.
  ///
  /// - Throws: `Fault(.invalid)` with the first problem.
  static func load(_ paths: [String]) throws -> CompiledRules {
    var loader = RuleLoader()
    for path in paths {
      let result = loader.load(try read(path), file: path)
      if let error = result.errors.first {
        throw Fault(
          .invalid, operation: "load the rules of \(path)", reason: error.message,
          remedy: "see 'lobstack rules check \(path)'")
      }
    }
    return loader.compiled()
  }
}
