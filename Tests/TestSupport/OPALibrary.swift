import ChildProcess
import Foundation
import Glibc

/// OPA 1.20.2 as a shared library, from the pinned wheel `opa-golib-python-bindings`, fetched once and kept for later
/// runs. `LOBSTACK_OPA_BRIDGE` names another.
package enum OPALibrary {
  package static let missing =
    "opa-golib-python-bindings 0.4.4 cannot be fetched: it needs pip3, glibc 2.34 or newer, x86-64, and PyPI"

  private static let wheel = "opa-golib-python-bindings==0.4.4"
  private static let digest = "d411c901e14b8c7c3023e23e4a944f4cf429c1d31baf80e959e57d11efbfd24a"

  /// CI sets REQUIRE_PYPI_TESTS, so that a missing one fails instead of being skipped.
  package static func isThere() async -> Bool {
    if ProcessInfo.processInfo.environment["REQUIRE_PYPI_TESTS"] == "1" { return true }
    return (try? await path()) != nil
  }

  /// Fetches it if need be.
  package static func path() async throws -> String {
    if let named = ProcessInfo.processInfo.environment["LOBSTACK_OPA_BRIDGE"], !named.isEmpty { return named }
    let directory = FileManager.default.temporaryDirectory.path + "/lobstack-opa-\(geteuid())-\(digest.prefix(16))"
    let library = "\(directory)/opa_bindings/libopabridge.so"
    if FileManager.default.fileExists(atPath: "\(directory)/complete") { return library }
    try? FileManager.default.removeItem(atPath: directory)
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try "\(wheel) --hash=sha256:\(digest)\n".write(
      toFile: "\(directory)/requirements.txt", atomically: true, encoding: .utf8)
    // The wheel asks for a Python that Debian 12 has not; its library asks for none.
    try await Command(
      "pip3",
      [
        "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--python-version",
        "3.14", "--retries", "10", "--require-hashes", "--dest", directory, "--requirement",
        "\(directory)/requirements.txt",
      ]
    ).check(timeout: .seconds(300))
    let script =
      "import glob, sys, zipfile; zipfile.ZipFile(glob.glob(sys.argv[1] + '/*.whl')[0]).extractall(sys.argv[1])"
    try await Command("python3", ["-c", script, directory]).check(timeout: .seconds(60))
    try Data().write(to: URL(filePath: "\(directory)/complete"))
    return library
  }
}
