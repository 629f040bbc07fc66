import AgentModel
import Foundation
import Testing

@testable import Supervision

@Suite("The processes of an instance", .timeLimit(.minutes(1))) struct InstanceProcessesTests {
  @Test("are those of its program, but not the second platform that verify starts by it") func programs() async throws {
    try await withLayout { layout, directory in
      try FileManager.default.createDirectory(
        atPath: URL(filePath: layout.executable).deletingLastPathComponent().path, withIntermediateDirectories: true)
      try FileManager.default.copyItem(atPath: "/bin/dash", toPath: layout.executable)
      func start(_ arguments: String...) throws -> Child {
        try Child.start(
          Child.Program(
            executable: layout.executable, arguments: ["-c", "read line"] + arguments, environment: [:],
            logFile: "\(directory)/log"))
      }
      let own = [try start("verify", "--instance", "one", "--runsc", "runsc"), try start("version")]
      let second = try start("up", "--state-dir", "/tmp/v0a1b2c3d", "--instance", "v0a1b2c3dh")
      let processes = InstanceProcesses(layout: layout)
      #expect(processes.platform().map(\.process) == own.map(\.process).sorted())
      // What is left when all has to go.
      #expect(processes.everything().map(\.process) == (own + [second]).map(\.process).sorted())
      for child in own + [second] { await child.stop(grace: .seconds(10)) }
      #expect(processes.everything().isEmpty)
    }
  }

  @Test("have what a killed restore left unpacking") func unpacking() async throws {
    try await withLayout { layout, directory in
      let unpacked = "\(layout.restoreDirectory)/unpacked"
      try FileManager.default.createDirectory(atPath: unpacked, withIntermediateDirectories: true)
      let child = try Child.start(
        Child.Program(
          executable: "/bin/dash", arguments: ["-c", "cd \(unpacked) && read line"], environment: [:],
          logFile: "\(directory)/log"))
      let processes = InstanceProcesses(layout: layout)
      while processes.everything().isEmpty { try await Task.sleep(for: .milliseconds(5)) }
      #expect(processes.everything().map(\.description) == ["process \(child.process) (unpacks a backup)"])
      #expect(processes.platform().isEmpty)
      await child.stop(grace: .seconds(10))
      #expect(processes.everything().isEmpty)
    }
  }

  /// /proc tells paths without links.
  private func withLayout(_ body: (InstanceLayout, _ directory: String) async throws -> Void) async throws {
    try await withDirectory { directory in
      let root = try #require(
        realpath(directory, nil).map { path in
          defer { free(path) }
          return String(cString: path)
        })
      try await body(InstanceLayout(stateDirectory: root, instance: try #require(InstanceName("one"))), directory)
    }
  }
}
