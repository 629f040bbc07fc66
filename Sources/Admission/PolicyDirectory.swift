import Faults
import Foundation

/// Policies as they lie in a directory: `templates/`, `constraints/`, and beside these what is for all, as a Config.
package enum PolicyDirectory {
  /// Bytes of one file.
  private static let longestFile = 1 << 20
  private static let mostFiles = 2_000
  private static let parts = ["templates", "constraints"]

  /// The files in the order of their paths.
  ///
  /// - Throws: `Fault` when the directory, or a file in it, cannot be read, when there is none, or when something lies
  ///   there that would not be read: policies that are not in force are more likely lost than meant.
  package static func read(_ directory: String) throws -> [PolicyFile] {
    let names = try names(in: directory)
    let found = parts.filter(names.contains)
    guard found.isEmpty || found == parts else {
      throw lost(directory, "it has \(found.joined()) and not \(parts.filter { !found.contains($0) }.joined())")
    }
    var paths = try files(of: names.filter { !parts.contains($0) && $0 != "suites" }, in: directory)
    for part in found { paths += try files(of: Self.names(in: "\(directory)/\(part)"), in: "\(directory)/\(part)") }
    guard !paths.isEmpty else { throw lost(directory, "it has no .yaml file") }
    guard paths.count <= mostFiles else {
      throw Fault(
        .exhausted, operation: "read the policies of \(directory)",
        reason: "it has \(paths.count) files, more than \(mostFiles)", remedy: "keep several policies in a file")
    }
    return try paths.map { PolicyFile(path: $0, text: try text(of: $0)) }
  }

  private static func lost(_ directory: String, _ reason: String) -> Fault {
    Fault(
      .notFound, operation: "read the policies of \(directory)", reason: reason,
      remedy: "restore it: templates/ and constraints/ with .yaml files, or .yaml files alone")
  }

  private static func names(in directory: String) throws -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: directory).sorted().filter { !$0.hasPrefix(".") }
    } catch {
      throw Fault(
        .failed, operation: "read the policies of \(directory)", reason: "it cannot be listed",
        remedy: "make it a directory that the platform may read", cause: error)
    }
  }

  /// Paths of the .yaml files among names.
  private static func files(of names: [String], in directory: String) throws -> [String] {
    try names.compactMap { name in
      let path = "\(directory)/\(name)"
      if name.hasSuffix(".yaml") || name.hasSuffix(".yml") { return path }
      var isDirectory: ObjCBool = false
      if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue {
        throw lost(directory, "what is in \(name)/ would not be read")
      }
      return nil
    }
  }

  /// - Throws: `Fault` for what cannot be read, is too long, or is no UTF-8.
  package static func text(of path: String) throws -> String {
    guard let data = FileManager.default.contents(atPath: path), data.count <= longestFile else {
      throw Fault(
        .notFound, operation: "read \(path)", reason: "it cannot be read, or has more than \(longestFile) bytes",
        remedy: "check the path and its mode")
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw Fault(.invalid, operation: "read \(path)", reason: "it is not UTF-8 text", remedy: "save it as UTF-8")
    }
    return text
  }
}
