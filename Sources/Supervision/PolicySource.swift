import AgentModel
import Faults
import Foundation

/// Finds the `policy/` directory that an instance starts with, and copies it to where the instance reads it.
package struct PolicySource: Sendable {
  package static let environmentVariable = "LOBSTACK_POLICY"

  package let directory: String

  /// Looks at `given`, the environment, `../share/lobstack/policy` beside the program, and then for a `policy` directory
  /// above the program, as in a checkout.
  ///
  /// - Throws: `Fault(.notFound)` naming every place that was looked at.
  package static func find(
    given: String?, executable: String,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> PolicySource {
    if let named = given ?? environment[environmentVariable], !named.isEmpty {
      guard isPolicy(named) else { throw missing("\(named) has no directory 'network'") }
      return PolicySource(directory: absolute(named))
    }
    let programDirectory = URL(filePath: executable).deletingLastPathComponent()
    var candidates = [programDirectory.appending(path: "../share/lobstack/policy").standardizedFileURL.path]
    var directory = programDirectory
    while directory.path != "/" {
      candidates.append(directory.appending(path: "policy").path)
      directory.deleteLastPathComponent()
    }
    guard let found = candidates.first(where: isPolicy) else {
      throw missing("looked at \(candidates.joined(separator: ", "))")
    }
    return PolicySource(directory: found)
  }

  /// Replaces the instance's copy, which root owns and everyone may read.
  ///
  /// - Throws: `Fault(.invalid)` for anything but directories and regular files.
  func copy(to layout: InstanceLayout) throws {
    guard directory != layout.policyDirectory else { return }
    let fresh = layout.policyDirectory + ".new"
    do {
      if FileManager.default.fileExists(atPath: fresh) { try FileManager.default.removeItem(atPath: fresh) }
      try copyTree(from: directory, to: fresh)
      if FileManager.default.fileExists(atPath: layout.policyDirectory) {
        try FileManager.default.removeItem(atPath: layout.policyDirectory)
      }
      try FileManager.default.moveItem(atPath: fresh, toPath: layout.policyDirectory)
    } catch let fault as Fault {
      throw fault
    } catch {
      throw Fault(
        .failed, operation: "copy the policy from \(directory)", reason: "a file cannot be read or written",
        remedy: "check the directory and the free disk space", cause: error)
    }
  }

  private func copyTree(from source: String, to target: String) throws {
    let files = FileManager.default
    try files.createDirectory(
      atPath: target, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
    for name in try files.contentsOfDirectory(atPath: source).sorted() {
      let path = "\(source)/\(name)"
      switch try files.attributesOfItem(atPath: path)[.type] as? FileAttributeType {
      case .typeDirectory?: try copyTree(from: path, to: "\(target)/\(name)")
      case .typeRegular?:
        let bytes = try Data(contentsOf: URL(filePath: path))
        guard
          files.createFile(atPath: "\(target)/\(name)", contents: bytes, attributes: [.posixPermissions: 0o644])
        else { throw CocoaError(.fileWriteUnknown) }
      default:
        throw Fault(
          .invalid, operation: "copy the policy from \(directory)", reason: "\(path) is no regular file",
          remedy: "replace it by a regular file")
      }
    }
  }

  private static func isPolicy(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: "\(path)/network", isDirectory: &isDirectory) && isDirectory.boolValue
  }

  private static func absolute(_ path: String) -> String { URL(filePath: path).standardizedFileURL.path }

  private static func missing(_ reason: String) -> Fault {
    Fault(
      .notFound, operation: "find the policy", reason: reason,
      remedy: "name the directory with --policy or \(environmentVariable)")
  }
}
