import ServiceLifecycle

/// A service that begins when there is a certificate authority, and not before.
struct OnceEstablished: Service {
  let identity: IdentityAuthority
  let make: @Sendable () throws -> any Service

  func run() async throws {
    let isThere = try await cancelWhenGracefulShutdown {
      // Cancelled: the control plane ends before it began.
      do { try await identity.establish() } catch is CancellationError { return false }
      return true
    }
    if isThere { try await make().run() }
  }
}
