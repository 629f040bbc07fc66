import Faults
import NIOCore
import NIOHPACK
import NIOHTTP2
import SocketPeer
import Synchronization

typealias CallChannel = NIOAsyncChannel<HTTP2Frame.FramePayload, HTTP2Frame.FramePayload>

/// One caller's connection: HTTP/2 without TLS, as it is spoken on a Unix socket.
struct Connection: Sendable {
  let calls: NIOHTTP2Handler.AsyncStreamMultiplexer<CallChannel>
  private let channel: any Channel
  /// Longest list of headers, in bytes: gRPC's own limit.
  private static let headerLimit = 8 * 1024

  /// On the channel's event loop.
  init(_ channel: any Channel, limits: WorkloadServer.Limits) throws {
    var configuration = NIOHTTP2Handler.Configuration()
    configuration.connection.initialSettings = [
      HTTP2Setting(parameter: .maxConcurrentStreams, value: limits.streams),
      HTTP2Setting(parameter: .maxHeaderListSize, value: Self.headerLimit),
    ]
    configuration.connection.maximumBufferedControlFrames = 256
    let idle = TimeAmount(limits.idleTimeout)
    calls = try channel.pipeline.syncOperations.configureAsyncHTTP2Pipeline(
      mode: .server,
      connectionManagerConfiguration: NIOHTTP2ServerConnectionManagementHandler.Configuration(
        maxIdleTime: idle, maxAge: nil, maxGraceTime: TimeAmount(limits.grace),
        keepalive: .init(pingInterval: .minutes(5), ackTimeout: .seconds(20))),
      http2HandlerConfiguration: configuration
    ) { stream in
      stream.eventLoop.makeCompletedFuture { try CallChannel(wrappingChannelSynchronously: stream) }
    }
    self.channel = channel
  }

  /// The user at the other end, by the kernel's word (unix(7), SO_PEERCRED): of the moment it connected.
  func user() async throws -> UInt32 {
    guard let credentials = try await PeerCredentials.of(channel) else {
      throw Fault(
        .denied, operation: "identify a caller", reason: "its connection has no credentials",
        remedy: "use a Unix socket")
    }
    return credentials.uid
  }

  func close() async {
    // It may be closed already, which is what is wanted.
    try? await channel.close()
  }
}

/// Knows since when a connection has no call.
final class Activity: Sendable {
  private let state = Mutex((calls: 0, since: ContinuousClock.now))

  func begin() { state.withLock { $0.calls += 1 } }

  func end() {
    state.withLock { state in
      state.calls -= 1
      state.since = .now
    }
  }

  /// Returns when there was no call for so long, or this task is cancelled.
  func waitForIdle(_ time: Duration) async {
    while true {
      let left = state.withLock { $0.calls > 0 ? time : time - $0.since.duration(to: .now) }
      guard left > .zero else { return }
      // The one error of a sleep is that this task was cancelled.
      guard (try? await Task.sleep(for: left)) != nil else { return }
    }
  }
}

/// Counts the connections of each user.
final class Admission: Sendable {
  private let limits: WorkloadServer.Limits
  private let open = Mutex<[UInt32: Int]>([:])

  init(_ limits: WorkloadServer.Limits) { self.limits = limits }

  func enter(_ user: UInt32) -> Bool {
    open.withLock { open in
      let own = open[user] ?? 0
      guard own < limits.connectionsPerUser, open.values.reduce(0, +) < limits.connections else { return false }
      open[user] = own + 1
      return true
    }
  }

  func leave(_ user: UInt32) {
    open.withLock { open in
      let own = (open[user] ?? 1) - 1
      open[user] = own > 0 ? own : nil
    }
  }
}
