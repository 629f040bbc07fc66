import AgentModel
import CertificateAuthority
import Faults
import FoundationEssentials
import Glibc
import Logging
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix

/// The SPIFFE Workload API: gRPC on a Unix socket, where a local process learns who it is.
///
/// Callers show nothing; the kernel says which user they are (SO_PEERCRED), the table says who that is. Served by
/// NIOHTTP2, which the HTTP client brings along anyway: a gRPC library with its protocol buffers would be four packages
/// for five methods.
package struct WorkloadServer: Sendable {
  private let socket: String
  private let limits: Limits
  private let service: WorkloadService
  private let logger: Logger

  /// Keeps a record of what was issued, before it is given out; what it throws refuses the call.
  package typealias Recorder = @Sendable (Issued) async throws -> Void

  package enum Issued: Sendable {
    case certificate(X509SVID)
    case token(SPIFFEID, audience: [String])
  }

  /// Bounds on what local users can make the server hold.
  package struct Limits: Sendable {
    /// Connections; one more is closed at once.
    package var connections = 128
    package var connectionsPerUser = 16
    /// Calls at a time on one connection.
    package var streams = 16
    /// From the first frame of a call to its last.
    package var requestTimeout = Duration.seconds(10)
    /// A connection without calls is closed after this time.
    package var idleTimeout = Duration.seconds(300)
    /// How long a caller may take to end a connection when asked to; then it is cut off.
    package var grace = Duration.seconds(5)
    /// How often every stream looks whether its certificates are due.
    package var renewalCheck = Duration.seconds(1)

    package init() {}
  }

  /// - Parameters:
  ///   - socket: path of the Unix socket; everyone may connect.
  ///   - record: called before a certificate or token is given out.
  ///   - now: the clock.
  package init(
    socket: String, authority: Authority, table: WorkloadTable, limits: Limits = Limits(), logger: Logger,
    record: @escaping Recorder = { _ in }, now: @escaping @Sendable () -> Date = { .now }
  ) {
    self.socket = socket
    self.limits = limits
    self.logger = logger
    service = WorkloadService(
      authority: authority, table: table, held: HeldSVIDs(authority: authority, record: record, now: now),
      record: record, changes: ChangeSignal(), now: now)
  }

  /// Serves until cancelled, and then ends every call and connection.
  ///
  /// - Parameter ready: called once callers can connect.
  /// - Throws: `Fault(.failed)` when the socket cannot be bound.
  package func run(ready: @Sendable () async -> Void = {}) async throws {
    let server: NIOAsyncChannel<Connection, Never>
    do {
      server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .serverChannelOption(.backlog, value: 64)
        .bind(unixDomainSocketPath: socket, cleanupExistingSocketFile: true) { channel in
          channel.eventLoop.makeCompletedFuture { try Connection(channel, limits: limits) }
        }
    } catch {
      throw Fault(
        .failed, operation: "listen on \(socket)", reason: "the socket could not be bound",
        remedy: "check that the directory exists and no other platform uses it", cause: error)
    }
    chmod(socket, 0o666)
    service.table.watch { service.changes.raise() }
    defer {
      service.table.watch(nil)
      unlink(socket)
    }
    await ready()
    let admission = Admission(limits)
    try await withThrowingDiscardingTaskGroup { group in
      group.addTask { for await _ in service.authority.bundleChanges() { service.changes.raise() } }
      group.addTask { await checkRenewals() }
      try await server.executeThenClose { connections in
        for try await connection in connections {
          group.addTask { await serve(connection, admission) }
        }
      }
      // The loop ends when this task is cancelled; the others end with it.
      group.cancelAll()
    }
  }

  /// Wakes every stream now and then: a certificate that is due is renewed by whoever looks first.
  private func checkRenewals() async {
    // The one error of a sleep is that this task was cancelled.
    while (try? await Task.sleep(for: limits.renewalCheck)) != nil {
      await service.held.keep(only: service.table.all)
      service.changes.raise()
    }
  }

  private func serve(_ connection: Connection, _ admission: Admission) async {
    do {
      let user = try await connection.user()
      guard admission.enter(user) else {
        logger.warning("Connection refused: there are too many", metadata: ["peer.uid": "\(user)"])
        return await connection.close()
      }
      defer { admission.leave(user) }
      let activity = Activity()
      await withDiscardingTaskGroup { group in
        group.addTask {
          await activity.waitForIdle(limits.idleTimeout + limits.grace)
          await connection.close()
        }
        do {
          for try await stream in connection.calls.inbound {
            group.addTask {
              activity.begin()
              await Call(stream, user: user, service: service, logger: logger).run(limits)
              activity.end()
            }
          }
        } catch {
          logger.debug("Connection ended", metadata: ["peer.uid": "\(user)", "error": "\(error)"])
        }
        group.cancelAll()
      }
    } catch {
      logger.debug("Connection ended", metadata: ["error": "\(error)"])
    }
    await connection.close()
  }
}
