import CLinux
import Faults
import Foundation
import Glibc

/// Runs `body` in a network namespace, on a thread of its own that ends with it: setns(2) changes a thread for good.
///
/// A socket stays in the namespace in which it was made, so `body` only has to open sockets.
func inNetworkNamespace<Value: Sendable>(
  _ name: String, _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread {
      continuation.resume(with: Result { try enter(name, body) })
    }
  }
}

private func enter<Value>(_ name: String, _ body: () throws -> Value) throws -> Value {
  let descriptor = open("/run/netns/\(name)", O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw networkFailure("open network namespace \(name)") }
  defer { close(descriptor) }
  guard lobstack_enter_network_namespace(descriptor) == 0 else {
    throw networkFailure("enter network namespace \(name)")
  }
  return try body()
}

/// The fault behind `errno`, when something of the probes' own could not be set up.
func networkFailure(_ operation: String) -> Fault {
  Fault(.failed, operation: operation, reason: String(cString: strerror(errno)), remedy: "run verify as root")
}
