import AlertForwarding
import ServiceLifecycle

/// Forwards alerts as long as the control plane runs.
struct AlertDelivery: Service {
  let forwarder: AlertForwarder

  func run() async throws {
    await cancelWhenGracefulShutdown { await forwarder.run() }
  }
}
