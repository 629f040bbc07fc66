import Faults
import Glibc
import NIOCore
import NIOPosix

/// Holds an agent's Pod back until its NetworkPolicies are in force.
///
/// Some networks of clusters bring them a moment after the Pod's start, until when everything is open to it; some never
/// do. The API server answers every Pod that nothing keeps from it, and its policies keep an agent from it: that it no
/// longer answers, while what they open does, tells that they are in force.
package struct IsolationWait: Sendable {
  let host: String
  let port: Int
  /// What the policies open, so that a network that is not there yet is not taken for a closed one; `nil` for nothing.
  package var open: (host: String, port: Int)?
  /// A connection that took longer was not made.
  var attempt = Duration.seconds(1)
  /// Closed at its beginning and at its end, it is closed.
  var settling = Duration.milliseconds(500)
  var limit: Duration

  /// - Parameter limit: how long to wait for the policies before this gives up.
  package init(host: String, port: Int, limit: Duration) {
    self.host = host
    self.port = port
    self.limit = limit
  }

  /// The API server of the Pod's cluster, by the variables that the kubelet gives each container.
  ///
  /// - Throws: `Fault(.invalid)` outside a cluster.
  package init(environment: [String: String], limit: Duration) throws {
    guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty,
      let port = environment["KUBERNETES_SERVICE_PORT"].flatMap({ UInt16($0) })
    else {
      throw Fault(
        .invalid, operation: "find the API server",
        reason: "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set",
        remedy: "run this in a Pod, or name an address with --closed")
    }
    self.init(host: host, port: Int(port), limit: limit)
  }

  /// - Throws: `Fault(.denied)` when the address is still open at the end.
  package func run() async throws {
    let end = ContinuousClock.now + limit
    while true {
      let isReached = try await isOpenReached()
      if isReached, try await isClosed() {
        try await Task.sleep(for: settling)
        if try await isClosed() { return }
      }
      guard ContinuousClock.now < end else {
        if !isReached, let open {
          throw Fault(
            .unavailable, operation: "start the agent",
            reason: "its Pod does not reach \(open.host):\(open.port), which its NetworkPolicies open",
            remedy: "look at the name server, and at the network plugin's log on this node")
        }
        throw Fault(
          .denied, operation: "start the agent",
          reason: "its Pod reaches \(host):\(port), which its NetworkPolicies close: they are not in force",
          remedy: "use a network plugin that enforces NetworkPolicies, and read its log on this node")
      }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  private func isOpenReached() async throws -> Bool {
    guard let open else { return true }
    return try await isAnswered(open.host, open.port) == true
  }

  private func isClosed() async throws -> Bool { try await isAnswered(host, port) == false }

  /// - Returns: `nil` for what says nothing: there is no way there yet.
  private func isAnswered(_ host: String, _ port: Int) async throws -> Bool? {
    try Task.checkCancellation()
    do {
      let address = try SocketAddress(ipAddress: host, port: port)
      let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .connectTimeout(TimeAmount(attempt)).connect(to: address).get()
      try await channel.close()
      return true
    } catch ChannelError.connectTimeout {
      return false
    } catch let error as IOError where error.errnoCode == ENETUNREACH {
      return nil
    } catch let error as IOError where Self.refusals.contains(error.errnoCode) {
      return false
    } catch {
      // What says nothing of the network is no proof.
      throw Fault.wrap(error, operation: "connect to \(host):\(port)", remedy: "report it")
    }
  }

  private static let refusals: Set = [ECONNREFUSED, ECONNRESET, EHOSTUNREACH, EACCES, EPERM, ETIMEDOUT]
}
