import Logging
import NodeProtocol
import ServiceLifecycle

/// Asks the node every ten seconds what its agents use: always the same work, and nobody's request waits for it.
struct UsageWatch: Service {
  /// Longest wait for the answer.
  private static let patience = Duration.seconds(8)

  let node: any NodeConnection
  let view: NodeView
  let history: UsageHistory
  let logger: Logger

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        await look()
        do { try await Task.sleep(for: UsageHistory.interval) } catch { return }
      }
    }
  }

  /// Asks once.
  func look() async {
    do {
      let usages = try await withDeadline(Self.patience, operation: "read what agents use") { try await node.usage() }
      history.take(usages, of: Set(view.agents.keys))
    } catch {
      // That the node does not answer is told by whoever needs it; here there is a gap.
      logger.debug("What agents use is not known", metadata: ["error": "\(error)"])
    }
  }
}
