import AgentModel
import Faults
import Files
import Foundation
import Glibc

/// One run's place on the machine: its name, its directories, and the ledger of what it makes.
package struct ProbeSite: Sendable {
  /// The platform under test.
  package let platform: InstanceLayout
  /// `v` and eight hexadecimal digits: the instance that everything of this run is named after.
  package let instance: InstanceName
  /// Readable by root only: runtime state, bundles, workspaces.
  package let directory: String
  /// Readable by all, because the image loader has no privileges.
  package let openDirectory: String
  package let isQuick: Bool
  let programs: Programs
  package let ledger: Ledger

  /// Makes the place.
  ///
  /// - Throws: `Fault` when the platform's directory cannot be written.
  package static func open(
    platform: InstanceLayout, isQuick: Bool, programs: Programs = Programs()
  ) async throws -> ProbeSite {
    let base = "\(platform.root)/verify"
    try makeDirectory(base, mode: 0o700)
    let digits = String(UInt32.random(in: .min ... .max), radix: 16)
    let text = "v" + String(repeating: "0", count: 8 - digits.count) + digits
    guard let instance = InstanceName(text), let ledger = try Ledger.open("\(base)/\(text).ledger") else {
      throw Fault(
        .conflict, operation: "verify the platform", reason: "another run has the name \(text)", remedy: "try again")
    }
    let site = ProbeSite(
      platform: platform, instance: instance, directory: "\(base)/\(text)",
      openDirectory: "/tmp/lobstack-\(text)", isQuick: isQuick, programs: programs,
      ledger: ledger)
    for (path, mode) in [(site.directory, 0o700), (site.openDirectory, 0o755)] {
      try await ledger.record(.directory(path))
      try makeDirectory(path, mode: mode)
    }
    return site
  }

  /// No place at all, for who only wants to know what would be done there.
  static func nowhere(platform: InstanceLayout) -> ProbeSite {
    ProbeSite(
      platform: platform, instance: platform.instance, directory: "/nowhere", openDirectory: "/nowhere",
      isQuick: false, programs: Programs(), ledger: .closed)
  }

  /// Takes away what dead runs left.
  ///
  /// - Returns: What could not be taken away.
  package static func reclaim(platform: InstanceLayout) async throws -> [String] {
    let base = "\(platform.root)/verify"
    guard FileManager.default.fileExists(atPath: base) else { return [] }
    var failures: [String] = []
    for name in try FileManager.default.contentsOfDirectory(atPath: base).sorted() where name.hasSuffix(".ledger") {
      guard let ledger = try await Ledger.takeOver("\(base)/\(name)") else { continue }
      failures += await ledger.clear(with: remove)
    }
    return failures
  }

  /// Takes everything of this run away, also when the run was cancelled.
  ///
  /// - Returns: What could not be taken away.
  package func close() async -> [String] {
    // A task of its own, awaited here, because a cancelled one could not run a program any more.
    await Task { await ledger.clear(with: remove) }.value
  }

  /// A name below the instance's for kernel objects: `lobstack-v1a2b3c4d-w`.
  func namespaceName(_ suffix: String) -> String { "lobstack-\(instance)-\(suffix)" }

  /// At most 15 characters (IFNAMSIZ): `lv1a2b3c4dw`.
  func interfaceName(_ suffix: String) -> String { "l\(instance)\(suffix)" }
}

/// Makes a directory, with those above it, that must not have been there unless it is the same user's.
func makeDirectory(_ path: String, mode: Int) throws {
  do {
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: mode])
  } catch {
    throw Fault(
      .failed, operation: "create \(path)", reason: "the directory cannot be made",
      remedy: "run verify as root and free disk space", cause: error)
  }
  guard let status = FileStatus(path), status.isDirectory, status.owner == getuid(),
    chmod(path, mode_t(mode)) == 0
  else {
    throw Fault(
      .denied, operation: "create \(path)", reason: "something of another user has that name",
      remedy: "remove it by hand")
  }
}
