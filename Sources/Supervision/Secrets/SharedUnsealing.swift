import AgentModel
import Faults
import Foundation
import SecretStore

/// The first start of an instance's secrets manager that people unseal.
package struct SharedUnsealing: Sendable {
  let layout: InstanceLayout

  package init(layout: InstanceLayout) { self.layout = layout }

  /// Makes the master key, unseals and fills the secrets manager.
  ///
  /// - Parameter told: the shares, secret, as soon as they are made: nothing else has them.
  /// - Throws: `Fault(.conflict)` for one that is unsealed otherwise, or was initialised before.
  package func initialize(shares: Int, threshold: Int, told: ([String]) -> Void) async throws {
    let operation = "initialise the secrets manager"
    let manager = try VaultOperator(layout: layout)
    let health = try await manager.withClient { try await $0.health() }
    guard FileManager.default.fileExists(atPath: layout.vaultSharesMark) else {
      throw Fault(
        .conflict, operation: operation, reason: "it initialises itself, or is somebody else's",
        remedy: "start a new instance with 'lobstack up --unseal shares' for one that people unseal")
    }
    guard !health.isInitialized else {
      throw Fault(
        .conflict, operation: operation, reason: "it was initialised before",
        remedy: "unseal it with 'lobstack vault unseal'")
    }
    do {
      try await manager.initialize(
        shares: shares, threshold: threshold, logins: try SecretsManagerLogins(layout: layout), told: told)
    } catch {
      guard try await manager.withClient({ try await $0.health() }).isInitialized else { throw error }
      throw Fault(
        .failed, operation: operation, reason: "it has a key now, but could not be filled",
        remedy: "it holds nothing yet: run 'lobstack down', remove \(layout.vaultDirectory) and begin again",
        cause: error)
    }
  }
}
