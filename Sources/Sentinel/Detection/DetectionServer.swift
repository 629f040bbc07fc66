import CLinux
import Detection
import Faults
import Glibc
import Logging
import NodeProtocol
import Synchronization
import Threads

/// Watches the sandboxes: takes their events in, matches them, tells alerts and orders responses, on a thread of its own
/// that waits for nothing but events.
package final class DetectionServer: Sendable {
  /// What the thread is told.
  enum News: Sendable {
    case rules(CompiledRules)
    case node(DetectionMessage)
    /// All agents' Pods of this node of a cluster.
    case pods([WatchedPod])
    /// The node is there, and hears what is yielded here.
    case link(AsyncStream<SentinelMessage>.Continuation)
    /// Something about a sandbox, by the agent's address or interface; `nil` for what concerns none.
    case finding(SightFinding, at: Place?)
  }

  /// Whose sandbox it is.
  enum Place: Hashable, Sendable {
    case container(String)
    case address(String)
    case interface(String)
  }

  private let socket: TraceSocket
  private let author: AlertAuthor
  private let naming: TraceNaming
  private let news = Mutex<[News]>([])
  private let wake: Int32
  private let thread = ServiceThread(name: "detection")
  private let logger: Logger
  let alerts = AlertQueue()

  /// Opens the socket of the traces; needs root on one machine.
  static func open(
    socket: String, hostName: String, naming: TraceNaming = .command, logger: Logger
  ) throws -> DetectionServer {
    let wake = lobstack_eventfd()
    guard wake >= 0 else {
      throw Fault(
        .exhausted, operation: "watch sandboxes", reason: String(cString: strerror(errno)),
        remedy: "raise the limit of open files")
    }
    do {
      return DetectionServer(
        socket: try TraceSocket.open(socket), wake: wake, author: AlertAuthor(hostName: hostName), naming: naming,
        logger: logger)
    } catch {
      close(wake)
      throw error
    }
  }

  private init(socket: TraceSocket, wake: Int32, author: AlertAuthor, naming: TraceNaming, logger: Logger) {
    self.socket = socket
    self.wake = wake
    self.author = author
    self.naming = naming
    self.logger = logger
  }

  deinit {
    socket.close()
    close(wake)
  }

  /// Starts the thread. The server lives as long as its thread: call `stop()`.
  func start() {
    thread.start { [self] in
      let loop = DetectionLoop(
        socket: socket, wake: wake, author: author, naming: naming, alerts: alerts, logger: logger)
      while thread.isRunning {
        loop.turn { [self] in
          news.withLock { news in
            defer { news = [] }
            return news
          }
        }
      }
      loop.end()
    }
  }

  func stop() {
    thread.stop()
    raise()
  }

  func tell(_ piece: News) {
    news.withLock { $0.append(piece) }
    raise()
  }

  private func raise() {
    var one: UInt64 = 1
    // Full, it is raised already.
    _ = write(wake, &one, MemoryLayout<UInt64>.size)
  }
}
