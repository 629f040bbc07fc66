import Foundation
import Testing

@testable import Supervision

@Suite("The log of a process") struct LogFileTests {
  @Test("starts anew when it is full, and keeps the older half") func rotation() async throws {
    try await withDirectory { directory in
      let log = LogFile(path: "\(directory)/a.log")
      try Data(count: LogFile.longest + 1).write(to: URL(filePath: log.path))
      try log.rotateIfFull()
      #expect(log.size == 0)
      #expect(LogFile(path: "\(directory)/a.log.1").size == LogFile.longest + 1)
    }
  }

  @Test("is left alone while it is not full") func small() async throws {
    try await withDirectory { directory in
      let log = LogFile(path: "\(directory)/a.log")
      try Data("one\n".utf8).write(to: URL(filePath: log.path))
      try log.rotateIfFull()
      #expect(log.text(from: 0) == "one\n")
    }
  }

  @Test("tells its last lines, from a place on") func tail() async throws {
    try await withDirectory { directory in
      let log = LogFile(path: "\(directory)/a.log")
      try Data("one\ntwo\nthree\n".utf8).write(to: URL(filePath: log.path))
      #expect(log.tail(lines: 2) == "two\nthree")
      #expect(log.tail(lines: 9, from: 8) == "three")
      #expect(LogFile(path: "\(directory)/none").tail(lines: 3) == "")
    }
  }
}
