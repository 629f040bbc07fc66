import AgentModel
import Faults
import Foundation
import NodeProtocol
import SecretStore

/// Logs in to the secrets manager as agents, by tokens that the control plane signs when they are asked for.
actor AgentSessions {
  nonisolated let client: VaultClient
  private var logins: [AgentID: Login] = [:]
  /// Logins on their way: an agent's secrets and the key of its workspace are asked for at the same time.
  private var loggingIn: [AgentID: Task<VaultToken, any Error>] = [:]
  /// What is asked of the control plane now.
  private var asked: [AgentID: [CheckedContinuation<Result<SecretValue, Fault>, Never>]] = [:]
  private var onRequests: @Sendable () async -> Void = {}

  private struct Login {
    var token: VaultToken
    var until: ContinuousClock.Instant
  }

  /// Longest wait for the control plane to sign a token.
  private static let patience = Duration.seconds(15)

  init(client: VaultClient) { self.client = client }

  func onRequests(_ body: @escaping @Sendable () async -> Void) { onRequests = body }

  /// As whom a token is needed.
  var requests: [AgentID] { asked.keys.sorted() }

  /// Runs `body` as the agent. A token that is refused may have been revoked, or be that of an earlier agent of the name:
  /// one more login shows whether that was it.
  ///
  /// - Throws: `Fault(.unavailable)` when no token comes; `Fault(.unauthenticated)` when it is not taken; what `body`
  ///   throws.
  func with<Value: Sendable>(
    _ id: AgentID, _ body: @Sendable (Vault) async throws -> Value
  ) async throws -> Value {
    let isNew = logins[id] == nil
    do { return try await body(vault(of: id)) } catch let fault as Fault where fault.code == .denied && !isNew {
      logins[id] = nil
      return try await body(vault(of: id))
    }
  }

  private func vault(of id: AgentID) async throws -> Vault {
    if let login = logins[id], ContinuousClock.now < login.until { return Vault(client, token: login.token) }
    if let begun = loggingIn[id] { return Vault(client, token: try await begun.value) }
    let begun = Task { try await logIn(id) }
    loggingIn[id] = begun
    defer { loggingIn[id] = nil }
    return Vault(client, token: try await begun.value)
  }

  private func logIn(_ id: AgentID) async throws -> VaultToken {
    let jwt = try await token(of: id)
    let login = try await Vault.logIn(
      client, jwt: String(decoding: jwt.bytes, as: UTF8.self), role: VaultAgents.role, mount: VaultAgents.mount)
    // Another one in good time: what is being read when a token ends fails.
    logins[id] = Login(token: login.token, until: .now + .seconds(login.lease) * 3 / 4)
    return login.token
  }

  /// Ends the agent's token at once.
  func revoke(_ id: AgentID) async throws {
    guard let login = logins.removeValue(forKey: id) else { return }
    do { try await Vault(client, token: login.token).revokeSelf() } catch let fault as Fault
      where [.denied, .unauthenticated].contains(fault.code)
    {
      // The agent is shut out already, its token with it.
    }
  }

  /// Takes what the control plane signed, and why it did not.
  func accept(_ identity: DesiredIdentity?) {
    guard let identity else { return }
    for token in identity.tokens { answer(token.agent, with: .success(token.token)) }
    guard let refusal = identity.tokenRefusal else { return }
    for id in asked.keys { answer(id, with: .failure(refusal)) }
  }

  private func token(of id: AgentID) async throws -> SecretValue {
    let timeout = Task {
      // Cancelled: it was answered.
      do { try await Task.sleep(for: Self.patience) } catch { return }
      self.answer(
        id,
        with: .failure(
          Fault(
            .unavailable, operation: "log in as agent \(id)",
            reason: "the control plane signed no token within \(Self.patience)",
            remedy: "see 'lobstack status' and the log of the control plane")))
    }
    defer { timeout.cancel() }
    let isFirst = asked[id] == nil
    async let announced: Void = isFirst ? onRequests() : ()
    let result = await withCheckedContinuation { asked[id, default: []].append($0) }
    await announced
    return try result.get()
  }

  private func answer(_ id: AgentID, with result: Result<SecretValue, Fault>) {
    for waiting in asked.removeValue(forKey: id) ?? [] { waiting.resume(returning: result) }
  }
}
