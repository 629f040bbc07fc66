import Detection
import Faults
import Foundation

/// Rules files as they lie in a directory.
package enum RuleDirectory {
  /// The rules files of a directory in alphabetical order; a file stands for itself.
  ///
  /// - Throws: `Fault(.notFound)` for a directory without one.
  package static func files(in path: String) throws -> [String] {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue else {
      return [path]
    }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []  // unreadable: no file, told below
    let files = names.filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".yml") }.sorted()
    guard !files.isEmpty else {
      throw Fault(
        .notFound, operation: "read rules from \(path)", reason: "it has no .yaml file", remedy: "name a rules file")
    }
    return files.map { "\(path)/\($0)" }
  }

  /// Compiles files one after the other.
  ///
  /// - Throws: `Fault(.invalid)` with the first problem.
  package static func compile(_ files: [(name: String, text: String)]) throws -> CompiledRules {
    var loader = RuleLoader()
    for (name, text) in files {
      let result = loader.load(text, file: name)
      if let error = result.errors.first {
        throw Fault(
          .invalid, operation: "load the rules of \(name)", reason: error.message,
          remedy: "see 'lobstack rules check \(name)'")
      }
    }
    return loader.compiled()
  }
}
