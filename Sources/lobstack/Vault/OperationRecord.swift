import APIClient
import APIModel
import AgentModel
import Faults

/// Has the audit log told what root does beside the API: before it is done, and when it failed.
///
/// The secrets manager is looked after also when there is no control plane; that it is not recorded then is told.
struct OperationRecord {
  /// Of the instance whose control plane is told; `nil` for none.
  let layout: InstanceLayout?

  /// - Throws: `Fault` when the control plane is there and cannot record it, and then nothing is done; what `body` throws.
  func of<Value: Sendable>(
    _ action: SecretsManagerOperation.Action, _ body: () async throws -> Value
  ) async throws -> Value {
    try await record(SecretsManagerOperation(action, .allowed))
    do { return try await body() } catch {
      let reason = (error as? Fault)?.reason ?? "\(error)"
      // This failure is the one to tell.
      try? await record(SecretsManagerOperation(action, .failed, reason: reason))
      throw error
    }
  }

  private func record(_ operation: SecretsManagerOperation) async throws {
    guard let layout else { return }
    let client = APIClient(address: .unix(layout.apiSocket))
    do {
      if await isThere(client) {
        try await client.record(operation)
      } else {
        tell("warning: \(operation.action.rawValue) is not in the audit log: the control plane does not answer")
      }
    } catch {
      try? await client.shutdown()  // the first failure is the one to tell
      throw error
    }
    try? await client.shutdown()  // it was answered
  }

  private func isThere(_ client: APIClient) async -> Bool {
    do { try await client.alive() } catch { return false }
    return true
  }
}
