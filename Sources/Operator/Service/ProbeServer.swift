import Hummingbird
import HummingbirdCore
import Instruments
import Logging
import NIOCore

/// Says over HTTP that the operator lives, and what it does: for the kubelet and for Prometheus.
package struct ProbeServer: Sendable {
  package struct Address: Hashable, Sendable {
    package var host: String
    package var port: Int

    package init(host: String, port: Int) {
      self.host = host
      self.port = port
    }
  }

  let address: Address
  let metrics: OperatorMetrics
  let logger: Logger

  func run(_ running: @escaping @Sendable (Int) async -> Void) async throws {
    let router = Router()
    router.get("/healthz") { _, _ in "ok\n" }
    // One that waits for the lease is ready to take it.
    router.get("/readyz") { _, _ in "ok\n" }
    router.get("/metrics") { _, _ in
      Response(
        status: .ok, headers: [.contentType: Exposition.mediaType],
        body: ResponseBody(byteBuffer: ByteBuffer(string: metrics.exposition.text)))
    }
    let application = Application(
      responder: router.buildResponder(),
      server: .http1(configuration: HTTP1Channel.Configuration(idleTimeout: .seconds(15))),
      configuration: ApplicationConfiguration(
        address: .hostname(address.host, port: address.port),
        availableConnectionsDelegate: .maximum(64, logger: logger)),
      onServerRunning: { channel in await running(channel.localAddress?.port ?? 0) }, logger: logger)
    try await application.run()
  }
}
