import TestSupport
import Testing

extension VaultWorld {
  /// The server of the suite that a test belongs to.
  @TaskLocal static var ofSuite: VaultWorld?

  /// Runs `body` with the server of its suite.
  static func with(_ body: (VaultWorld) async throws -> Void) async throws {
    try await body(#require(ofSuite))
  }
}

/// Gives a suite one OpenBao for all its tests: a first start takes seconds.
struct WithVault: SuiteTrait, TestScoping {
  var isRecursive: Bool { false }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    try await VaultWorld.start(sealsItself: true) { world in
      try await VaultWorld.$ofSuite.withValue(world) { try await function() }
    }
  }
}

extension Trait where Self == WithVault {
  static var withVault: WithVault { WithVault() }
}
