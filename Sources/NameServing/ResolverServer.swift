import AgentModel
import Faults
import Glibc
import NameResolution
import Synchronization
import Threads

/// Answers the agents' DNS queries over UDP and TCP, on a thread of its own.
///
/// Opening a port below 1024 needs root; after that the process may drop every privilege.
package final class ResolverServer: Sendable {
  /// What the server allows each sender, and all of them.
  package struct Limits: Hashable, Sendable {
    /// Queries per second of one sender, on average; a program that looks up a name for each of its requests, for two
    /// types, makes a few hundred.
    package var rate = 1_000
    /// Queries of one sender at once.
    package var burst = 1_000
    /// Connections of one sender; further ones are closed at once.
    package var connectionsPerSender = 8
    /// Connections of all; a further one takes the place of the one that would end next.
    package var connections = 512
    /// How long a connection waits for its next query.
    package var idle = Duration.seconds(10)
    /// How long a query may take from its first byte to its last, however it trickles; likewise answers that the other
    /// side does not read.
    package var stalled = Duration.seconds(5)
    /// How long a query over UDP of somebody unknown waits to become somebody's, before it is refused: for where an
    /// agent may run before its address is told. Below the 5 s that the C library waits for an answer.
    package var patience = Duration.zero
    /// Queries that wait so, of all and of one sender; further ones are refused at once.
    package var waiting = 1_024
    package var waitingPerSender = 8

    package init() {}
  }

  /// What happened since the last drain.
  package struct Contents: Hashable, Sendable {
    package var attempts = AttemptWindow.Contents()
    /// Messages by how they ended.
    package var outcomes: [QueryOutcome: Int] = [:]
    /// Queries that were beyond their sender's rate, and were not answered.
    package var limited = 0
    /// Connections that were closed for being too many, too slow, or malformed.
    package var closed = 0
    /// Answers that the kernel did not take.
    package var unsent = 0

    package init() {}
  }

  struct Record: Sendable {
    var contents = Contents()
    var window = AttemptWindow()
  }

  private let sockets: ResolverSockets
  private let names: any NameSource
  private let limits: Limits
  private let record = Mutex(Record())
  private let thread = ServiceThread(name: "resolver")

  /// - Parameters:
  ///   - address: where to listen; need not be there yet.
  ///   - port: 0 lets the kernel choose one.
  ///   - names: who may resolve what.
  /// - Throws: `Fault(.failed)` when an address or port is not to be had.
  package static func open(
    address: IPv4Address, port: UInt16, names: any NameSource, limits: Limits = Limits()
  ) throws -> ResolverServer {
    ResolverServer(
      sockets: try ResolverSockets.open(address: address, port: port), names: names, limits: limits)
  }

  private init(sockets: ResolverSockets, names: any NameSource, limits: Limits) {
    self.sockets = sockets
    self.names = names
    self.limits = limits
  }

  deinit { sockets.close() }

  package var port: UInt16 { sockets.port }

  /// Starts the thread. The server lives as long as its thread: call `stop()`.
  package func start() {
    thread.start { [self] in
      var loop = ResolverLoop(sockets: sockets, names: names, limits: limits)
      while thread.isRunning {
        loop.turn()
        loop.hand(to: record)
      }
      loop.end()
    }
  }

  /// The thread ends within a fifth of a second.
  package func stop() { thread.stop() }

  /// What happened since the last call.
  package func drain() -> Contents {
    record.withLock { record in
      defer { record.contents = Contents() }
      record.contents.attempts = record.window.drain()
      return record.contents
    }
  }
}
