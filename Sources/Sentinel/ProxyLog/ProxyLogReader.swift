import Glibc
import Logging
import NameResolution
import Synchronization
import Threads

/// Reads the node proxy's log of refused connections and requests, on a thread of its own.
package final class ProxyLogReader: Sendable {
  private static let intervalMicroseconds: UInt32 = 250_000

  /// What came since the last drain.
  package struct Contents: Hashable, Sendable {
    package var attempts = AttemptWindow.Contents()
    /// Lines that are none of the proxy's, or too long.
    package var malformed = 0

    package init() {}
  }

  private struct Record {
    var window = AttemptWindow()
    var malformed = 0
  }

  private let path: String
  private let logger: Logger
  private let record = Mutex(Record())
  private let thread = ServiceThread(name: "proxy-log-reader")

  /// - Parameter path: of the log, which need not be there yet.
  package init(path: String, logger: Logger) {
    self.path = path
    self.logger = logger
  }

  /// Starts the thread. The reader lives as long as its thread: call `stop()`.
  package func start() { thread.start { [self] in read() } }

  /// The thread ends within a quarter of a second.
  package func stop() { thread.stop() }

  /// What came since the last call.
  package func drain() -> Contents {
    record.withLock { record in
      var contents = Contents()
      contents.attempts = record.window.drain()
      contents.malformed = record.malformed
      record.malformed = 0
      return contents
    }
  }

  private func read() {
    var file = FollowedFile(path: path)
    var lines = LineBuffer(longest: ProxyDenial.longestLine)
    var tooLong = 0
    var problem: String?
    while thread.isRunning {
      do {
        try file.look { part in
          switch part {
          case .start: lines.reset()
          case .bytes(let bytes): lines.add(bytes, take)
          }
        }
        if problem != nil { logger.info("The proxy's log can be read again") }
        problem = nil
      } catch {
        if problem != "\(error)" {
          logger.error("The proxy's log cannot be read; its denials are not told", metadata: ["error": "\(error)"])
        }
        problem = "\(error)"
      }
      let passedOver = lines.tooLong - tooLong
      tooLong = lines.tooLong
      if passedOver > 0 { record.withLock { $0.malformed += passedOver } }
      usleep(Self.intervalMicroseconds)
    }
  }

  private func take(_ line: ArraySlice<UInt8>) {
    let denial = ProxyDenial(line: line)
    record.withLock { record in
      if let denial {
        record.window.add(DeniedAttempt.Key(denial), time: denial.time)
      } else {
        record.malformed += 1
      }
    }
  }
}
