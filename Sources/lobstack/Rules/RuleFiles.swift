import Detection
import Faults
import Foundation
import Supervision

/// Rules files as they lie on disk.
struct RuleFiles {
  struct File {
    var name: String
    var text: String
  }

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
    do {
      let bytes = try Data(contentsOf: URL(filePath: path))
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw Fault(.invalid, operation: "read \(path)", reason: "it is not UTF-8 text", remedy: "save it as UTF-8")
      }
      return text
    } catch let fault as Fault {
      throw fault
    } catch {
      throw Fault(
        .notFound, operation: "read \(path)", reason: "the file cannot be read", remedy: "check the path and its mode",
        cause: error)
    }
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
