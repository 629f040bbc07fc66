import ChildProcess
import Foundation
import Glibc

/// A wheel from PyPI, pinned by its hash, fetched once and kept for later runs; unpacked, not installed.
package struct PinnedWheel: Sendable {
  private let requirement: String
  private let digest: String
  private let python: String
  private let platform: String?

  /// - Parameters:
  ///   - requirement: as `name==1.2.3`.
  ///   - digest: SHA-256, hexadecimal.
  ///   - python: version that the wheel is for, whatever runs here.
  ///   - platform: of the wheel; `nil` for this machine's.
  package init(_ requirement: String, digest: String, python: String, platform: String? = nil) {
    (self.requirement, self.digest, self.python, self.platform) = (requirement, digest, python, platform)
  }

  /// Fetches it if need be.
  ///
  /// - Parameter name: of the directory, below the temporary one.
  /// - Returns: where it is unpacked.
  package func directory(named name: String) async throws -> String {
    let directory = FileManager.default.temporaryDirectory.path + "/\(name)-\(geteuid())-\(digest.prefix(16))"
    if FileManager.default.fileExists(atPath: "\(directory)/complete") { return directory }
    try? FileManager.default.removeItem(atPath: directory)
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try "\(requirement) --hash=sha256:\(digest)\n".write(
      toFile: "\(directory)/requirements.txt", atomically: true, encoding: .utf8)
    try await Command(
      "pip3",
      [
        "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--python-version",
        python,
      ] + (platform.map { ["--platform", $0] } ?? []) + [
        "--retries", "10", "--require-hashes", "--dest", directory, "--requirement", "\(directory)/requirements.txt",
      ]
    ).check(timeout: .seconds(300))
    let script =
      "import glob, sys, zipfile; zipfile.ZipFile(glob.glob(sys.argv[1] + '/*.whl')[0]).extractall(sys.argv[1])"
    try await Command("python3", ["-c", script, directory]).check(timeout: .seconds(60))
    try Data().write(to: URL(filePath: "\(directory)/complete"))
    return directory
  }
}
