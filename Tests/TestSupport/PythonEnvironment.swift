import ChildProcess
import Foundation
import Glibc

/// Libraries of PyPI in a Python environment of their own, which is made once and kept for later runs.
package actor PythonEnvironment {
  private let name: String
  private let requirements: String
  private var making: Task<String, any Error>?

  /// - Parameter requirements: a file of pinned and hashed wheels.
  package init(_ name: String, requirements: String) {
    self.name = name
    self.requirements = requirements
  }

  /// The interpreter that finds the libraries.
  package func python() async throws -> String {
    if let making { return try await making.value }
    // Every test that needs it awaits this one.
    let making = Task { [name, requirements] in try await Self.install(name, requirements) }
    self.making = making
    return try await making.value
  }

  private static func install(_ name: String, _ requirements: String) async throws -> String {
    let sum = try await Command("sha256sum", [requirements]).check().prefix(16)
    let directory = FileManager.default.temporaryDirectory.path + "/lobstack-\(name)-\(geteuid())-\(sum)"
    let python = "\(directory)/bin/python"
    if FileManager.default.fileExists(atPath: "\(directory)/complete") { return python }
    try? FileManager.default.removeItem(atPath: directory)
    try await Command("python3", ["-m", "venv", directory]).check(timeout: .seconds(120))
    try await Command(
      python,
      [
        "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:",
        "--require-hashes", "-r", requirements,
      ]
    ).check(timeout: .seconds(300))
    try Data().write(to: URL(filePath: "\(directory)/complete"))
    return python
  }
}
