import ChildProcess
import Faults
import Foundation
import Glibc

/// A program that no distribution packages, which scripts/setup puts in place with its digest checked.
package struct PinnedProgram: Sendable, Hashable {
  /// What people call it.
  package let name: String
  private let command: String
  /// The option that names another one.
  private let option: String

  package static let envoy = PinnedProgram(name: "Envoy", command: "envoy", option: "--envoy")
  package static let openBao = PinnedProgram(name: "OpenBao", command: "bao", option: "--openbao")

  /// Where scripts/setup puts it.
  package var pinned: String { "/usr/local/lib/lobstack/\(command)" }

  /// The program that was named, else one of PATH, else the pinned one.
  ///
  /// - Throws: `Fault(.notFound)` when there is none. A script of its name, as Python's packages bring one, is none: what
  ///   is supervised has to be the program itself.
  package func locate(_ named: String?) throws -> String {
    let candidates = named.map { [Command.locate($0) ?? $0] } ?? [Command.locate(command), pinned].compactMap { $0 }
    if let found = candidates.first(where: isProgram) { return found }
    throw Fault(
      .notFound, operation: "find \(name)", reason: "no program at \(candidates.joined(separator: " or "))",
      remedy: "run scripts/setup, or name \(name)'s program with \(option)")
  }

  private func isProgram(_ path: String) -> Bool {
    guard access(path, X_OK) == 0, let file = FileHandle(forReadingAtPath: path) else { return false }
    defer { try? file.close() }  // it was only read
    return (try? file.read(upToCount: 4)) == Data([0x7f, 0x45, 0x4c, 0x46])
  }
}
