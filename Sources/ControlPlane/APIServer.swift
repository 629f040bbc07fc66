import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import NIOCore

/// The HTTP server of an API: bounded headers, and connections that nobody uses are closed.
///
/// - Parameter tls: `nil` for a socket that is protected otherwise.
func apiServer(_ limits: APILimits, tls: TLSChannelConfiguration? = nil) throws -> HTTPServerBuilder {
  let plain = HTTPServerBuilder.http1(
    configuration: HTTP1Channel.Configuration(
      additionalChannelHandlers: [
        IdleStateHandler(allTimeout: .nanoseconds(Int64(limits.idle / .nanoseconds(1)))), IdleConnectionHandler(),
      ],
      httpDecoderConfiguration: .init(
        maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100)))
  return try tls.map { try .tls(plain, configuration: $0) } ?? plain
}
