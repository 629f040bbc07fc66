import ChildProcess
import Faults
import Foundation
import Logging
import Testing

@testable import Supervision

@Suite("A child of the supervisor", .timeLimit(.minutes(1))) struct ChildTests {
  @Test("ends by itself when its lifeline is closed") func lifeline() async throws {
    try await withDirectory { directory in
      let child = try Child.start(shell("cat; echo let go; exit 7", log: "\(directory)/log"))
      #expect(child.status == nil)
      await child.stop(grace: .seconds(10))
      #expect(child.status == .exited(7))
      #expect(LogFile(path: "\(directory)/log").text(from: 0) == "let go\n")
    }
  }

  @Test("gets SIGTERM when it ignores its lifeline") func termination() async throws {
    try await withDirectory { directory in
      let child = try Child.start(
        shell("trap 'exit 3' TERM; echo up; while :; do sleep 0.05; done", log: "\(directory)/log"))
      try await waitForLog("up\n", "\(directory)/log")
      await child.stop(grace: .milliseconds(100))
      #expect(child.status == .exited(3))
    }
  }

  @Test("is killed when it ignores SIGTERM too") func killing() async throws {
    try await withDirectory { directory in
      let child = try Child.start(shell("trap '' TERM; echo up; while :; do sleep 0.05; done", log: "\(directory)/log"))
      try await waitForLog("up\n", "\(directory)/log")
      await child.stop(grace: .zero)
      #expect(child.status == .signalled(9))
    }
  }

  @Test("is in a session of its own, with default signals") func session() async throws {
    try await withDirectory { directory in
      let child = try Child.start(shell("cat /proc/self/stat; grep SigIgn /proc/self/status", log: "\(directory)/log"))
      _ = await child.exit()
      let text = LogFile(path: "\(directory)/log").text(from: 0)
      let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
      #expect(fields.count > 4 && fields[3] == "\(child.process)")
      // Of the C library's own signals, 32 and 33, posix_spawn(3) lets nobody change the disposition.
      let ignored = text.split(separator: "SigIgn:\t").last?.prefix(16).description ?? ""
      #expect(UInt64(ignored, radix: 16).map { $0 & 0x7fff_ffff } == 0)
    }
  }

  @Test("that does not exist is told as a fault") func missing() throws {
    #expect(throws: Fault.self) {
      try Child.start(Child.Program(executable: "/none", arguments: [], environment: [:], logFile: "/dev/null"))
    }
  }

  @Test("is started again when it ends, and no more once it is stopped") func restarts() async throws {
    try await withDirectory { directory in
      let process = SupervisedProcess(
        name: "test", program: shell("echo run; exit 1", log: "\(directory)/log"),
        processIDFile: "\(directory)/test.pid", logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      async let running: Void = process.run()
      while await process.starts < 3 { try await Task.sleep(for: .milliseconds(10)) }
      await process.stop()
      await running
      #expect(await process.lastEnd == "ended with exit code 1")
      #expect(!FileManager.default.fileExists(atPath: "\(directory)/test.pid"))
    }
  }

  private func shell(_ script: String, log: String) -> Child.Program {
    Child.Program(
      executable: "/bin/sh", arguments: ["-c", script], environment: Command.defaultEnvironment, logFile: log)
  }

  private func waitForLog(_ text: String, _ path: String) async throws {
    while LogFile(path: path).text(from: 0) != text { try await Task.sleep(for: .milliseconds(10)) }
  }
}

/// A temporary directory that is gone afterwards.
func withDirectory<Value>(_ body: (String) async throws -> Value) async throws -> Value {
  let name = "supervision-\(UUID().uuidString.prefix(8))"
  let directory = FileManager.default.temporaryDirectory.appending(path: name).path
  try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: directory) }
  return try await body(directory)
}
