import ChildProcess
import Foundation
import JSONValues
import Proxy
import Supervision

/// An Envoy of a benchmark's own.
final class BenchmarkEnvoy: Sendable {
  let driver: EnvoyDriver
  private let program: BackgroundProgram
  private let bootstrap: (path: String, text: String)

  /// - Parameters:
  ///   - name: of its files in `directory`.
  ///   - bootstrap: opens `adminSocket`.
  ///   - arguments: those after the bootstrap's; the platform's own Envoys have theirs.
  init(
    _ name: String, in directory: String, bootstrap: JSON, files: EnvoyFiles? = nil, adminSocket: String,
    arguments: ((_ bootstrap: String) -> [String])? = nil
  ) throws {
    let path = "\(directory)/\(name).json"
    self.bootstrap = (path, bootstrap.text)
    program = BackgroundProgram(
      name, in: directory, try PinnedProgram.envoy.locate(nil),
      arguments?(path) ?? ["-c", path, "--concurrency", "1", "--disable-hot-restart", "-l", "warning"])
    driver = EnvoyDriver(
      files: files ?? EnvoyFiles(directory: "\(directory)/\(name)", secretsOnly: true),
      admin: EnvoyAdmin(socket: adminSocket), logFile: program.log, deadline: .seconds(60))
  }

  /// Starts it with these files, and waits until it serves them.
  func start(_ files: [EnvoyFile] = []) async throws {
    try FileManager.default.createDirectory(atPath: driver.files.directory, withIntermediateDirectories: true)
    try driver.files.prepare()
    // It is down yet, and only gets its files.
    _ = try? await driver.apply(files, version: "0")
    try bootstrap.text.write(toFile: bootstrap.path, atomically: true, encoding: .utf8)
    await program.start()
    try await eventually("\(bootstrap.path) is served", log: program.log) {
      try await self.driver.readBack().isCurrent
    }
  }

  func stop() async { await program.stop() }

  func process() throws -> Int32 { try program.process() }
}
