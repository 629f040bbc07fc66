import Admission
import ArgumentParser
import Faults
import Foundation
import Supervision

/// Which policies are asked.
struct PolicyOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Directory of the policies (default: policy/gatekeeper of the instance, or the one that it would start with).",
      valueName: "directory"), completion: .directory)
  var policy: String?

  /// - Throws: `Fault(.invalid)` naming everything that is wrong.
  func load() throws -> PolicySet {
    let directory = try directory()
    do throws(BrokenPolicies) { return try PolicySet.inForce(try Self.read(directory)) } catch {
      guard let first = error.faults.first, error.faults.count == 1 else {
        throw Fault(
          .invalid, operation: "load the policies of \(directory)",
          reason: "\(error.faults.count) are wrong:\n\(error)",
          remedy: "correct them")
      }
      throw first
    }
  }

  func directory() throws -> String { try policy ?? Self.defaultDirectory() }

  static func defaultDirectory() throws -> String {
    try PolicySource.find(given: nil, executable: Platform.currentExecutable).directory + "/gatekeeper"
  }

  private static func read(_ directory: String) throws(BrokenPolicies) -> [PolicyFile] {
    do { return try PolicyDirectory.read(directory) } catch {
      throw BrokenPolicies([Fault.wrap(error, operation: "read \(directory)", remedy: "restore it")])
    }
  }
}
