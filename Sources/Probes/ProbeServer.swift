import AgentModel
import Hummingbird
import HummingbirdCore
import Instruments
import Logging
import NIOCore

/// Says over HTTP that a program of a cluster lives, whether it is ready, and what it does: for the kubelet and for
/// Prometheus.
package struct ProbeServer: Sendable {
  private let address: ListenAddress
  private let isReady: @Sendable () -> Bool
  private let metrics: @Sendable () -> Exposition
  private let logger: Logger

  /// - Parameter isReady: whether what is asked of the program would be answered; one that is not is sent nothing.
  package init(
    address: ListenAddress, isReady: @escaping @Sendable () -> Bool = { true },
    metrics: @escaping @Sendable () -> Exposition, logger: Logger
  ) {
    self.address = address
    self.isReady = isReady
    self.metrics = metrics
    self.logger = logger
  }

  /// Serves until the calling task is cancelled.
  ///
  /// - Parameter running: called with the port when connections are accepted.
  package func run(_ running: @escaping @Sendable (Int) async -> Void = { _ in }) async throws {
    let router = Router()
    router.get("/healthz") { _, _ in "ok\n" }
    router.get("/readyz") { [isReady] _, _ in
      let isReady = isReady()
      return Response(
        status: isReady ? .ok : .serviceUnavailable, headers: [.contentType: "text/plain; charset=utf-8"],
        body: ResponseBody(byteBuffer: ByteBuffer(string: isReady ? "ok\n" : "not ready\n")))
    }
    router.get("/metrics") { [metrics] _, _ in
      Response(
        status: .ok, headers: [.contentType: Exposition.mediaType],
        body: ResponseBody(byteBuffer: ByteBuffer(string: metrics().text)))
    }
    let application = Application(
      responder: router.buildResponder(),
      server: .http1(configuration: HTTP1Channel.Configuration(idleTimeout: .seconds(15))),
      configuration: ApplicationConfiguration(
        address: .hostname(address.host, port: Int(address.port)),
        availableConnectionsDelegate: .maximum(64, logger: logger)),
      onServerRunning: { channel in await running(channel.localAddress?.port ?? 0) }, logger: logger)
    try await application.run()
  }
}
