import ChildProcess
import Foundation
import Synchronization
import TestSupport

/// py-spiffe, in a Python environment of its own that is made once and kept for later runs.
enum SpiffeClient {
  static let missing =
    "py-spiffe (Tests/WorkloadAPITests/requirements.txt) cannot be installed: it needs python3 3.11 with venv, x86-64, and PyPI"
  private static let here = URL(filePath: #filePath).deletingLastPathComponent()
  private static var script: String { here.appending(path: "client.py").path(percentEncoded: false) }
  private static var requirements: String { here.appending(path: "requirements.txt").path(percentEncoded: false) }

  /// Installs it if need be. CI sets REQUIRE_PYPI_TESTS, so that a missing one fails instead of being skipped.
  static func isInstalled() async -> Bool {
    if ProcessInfo.processInfo.environment["REQUIRE_PYPI_TESTS"] == "1" { return true }
    return (try? await python()) != nil
  }

  /// The interpreter that finds the library.
  static func python() async throws -> String { try await environment.python() }

  private static let environment = PythonEnvironment("py-spiffe", requirements: requirements)

  /// What one run of the client said, a JSON object a line.
  static func run(_ arguments: [String], as user: UInt32? = nil) async throws -> [[String: Any]] {
    var command = [try await python(), script] + arguments
    if let user { command = ["setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups"] + command }
    let output = try await Command(command[0], Array(command.dropFirst())).check(timeout: .seconds(60))
    return try lines(output)
  }

  /// Hands over each line as it comes, until `line` returns false.
  static func stream(
    _ arguments: [String], line: @escaping @Sendable ([String: Any]) async throws -> Bool
  ) async throws {
    struct Enough: Error {}
    let rest = Mutex("")
    do {
      _ = try await Command(try await python(), [script] + arguments).stream(
        input: AsyncStream { _ in }, timeout: .seconds(60)
      ) { piece in
        guard case .standardOutput(let bytes) = piece else { return }
        let whole = rest.withLock { rest in
          rest += String(decoding: bytes, as: UTF8.self)
          let end = rest.lastIndex(of: "\n").map(rest.index(after:)) ?? rest.startIndex
          let whole = String(rest[..<end])
          rest.removeSubrange(..<end)
          return whole
        }
        for object in try lines(whole) where try await !line(object) { throw Enough() }
      }
    } catch is Enough {
      return
    }
  }

  private static func lines(_ text: String) throws -> [[String: Any]] {
    try text.split(separator: "\n").compactMap {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
  }
}
