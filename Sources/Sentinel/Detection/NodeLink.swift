import Faults
import Logging
import NodeProtocol

/// Keeps the sentinel and the node in touch.
struct NodeLink: Sendable {
  private static let interval = Duration.milliseconds(100)
  /// Messages that wait for a node that does not read.
  private static let longestQueue = 4_096

  let socket: String
  let server: DetectionServer
  let logger: Logger

  /// Speaks with the node, again and again, until cancelled.
  func run() async throws {
    let client = NodeClient(socket: socket)
    var isTold = false
    while true {
      let (messages, continuation) = AsyncStream.makeStream(
        of: SentinelMessage.self, bufferingPolicy: .bufferingOldest(Self.longestQueue))
      server.tell(.link(continuation))
      do {
        try await client.detect(sending: messages) { server.tell(.node($0)) }
      } catch {
        continuation.finish()
        try Task.checkCancellation()
        if !isTold { logger.warning("The node is away", metadata: ["error": "\(error)"]) }
        isTold = true
      }
      try await Task.sleep(for: Self.interval)
    }
  }
}
