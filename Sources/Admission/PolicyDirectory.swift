import Faults
import Foundation

/// Policies as they lie in a directory: `templates/`, `constraints/`, and beside these what is for all, as a Config.
package enum PolicyDirectory {
  /// Bytes of one file: a template is 1 MiB at most.
  private static let longestFile = 1 << 20
  private static let mostFiles = 2_000

  /// The files in the order of their paths.
  ///
  /// - Throws: `Fault` when the directory, or a file in it, cannot be read, or when there is none: no policies at all are
  ///   more likely lost than meant.
  package static func read(_ directory: String) throws -> [PolicyFile] {
    let paths = try names(in: directory) + names(in: "\(directory)/templates") + names(in: "\(directory)/constraints")
    guard !paths.isEmpty else {
      throw Fault(
        .notFound, operation: "read the policies of \(directory)", reason: "it has no .yaml file",
        remedy: "restore the directory, or keep at least one policy in it")
    }
    guard paths.count <= mostFiles else {
      throw Fault(
        .exhausted, operation: "read the policies of \(directory)",
        reason: "it has \(paths.count) files, more than \(mostFiles)", remedy: "keep several policies in a file")
    }
    return try paths.map { PolicyFile(path: $0, text: try text(of: $0)) }
  }

  /// - Returns: paths of the .yaml files; none for a directory that is not there.
  private static func names(in directory: String) throws -> [String] {
    guard FileManager.default.fileExists(atPath: directory) else { return [] }
    do {
      return try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
        .filter { ($0.hasSuffix(".yaml") || $0.hasSuffix(".yml")) && !$0.hasPrefix(".") }
        .map { "\(directory)/\($0)" }
    } catch {
      throw Fault(
        .failed, operation: "read the policies of \(directory)", reason: "it cannot be listed",
        remedy: "make it a directory that the platform may read", cause: error)
    }
  }

  /// - Throws: `Fault` for what cannot be read, is too long, or is no UTF-8.
  package static func text(of path: String, longest: Int = 1 << 20) throws -> String {
    guard let data = FileManager.default.contents(atPath: path), data.count <= longest else {
      throw Fault(
        .notFound, operation: "read \(path)", reason: "it cannot be read, or has more than \(longest) bytes",
        remedy: "check the path and its mode")
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw Fault(.invalid, operation: "read \(path)", reason: "it is not UTF-8 text", remedy: "save it as UTF-8")
    }
    return text
  }
}
