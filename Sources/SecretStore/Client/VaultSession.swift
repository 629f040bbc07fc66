import Faults
import Turns

/// One token at a time, got by a login when there is none, renewed by another login at two thirds of its life.
package actor VaultSession {
  private let login: @Sendable () async throws -> VaultLogin
  private var held: (login: VaultLogin, since: ContinuousClock.Instant)?
  private let turn = Turn()
  /// Between two logins that were made because a token was refused: a policy that refuses is no reason for many.
  private static let rest = Duration.seconds(5)

  package init(login: @escaping @Sendable () async throws -> VaultLogin) { self.login = login }

  func token() async throws -> VaultToken {
    if let token = usable { return token }
    return try await turn.take { [self] in
      if let token = await usable { return token }
      return try await renew()
    }
  }

  /// - Returns: `nil` when the refused token is so new that another would be refused as well.
  func another(than refused: VaultToken) async throws -> VaultToken? {
    try await turn.take { [self] in
      if let token = await usable, token != refused { return token }
      guard await mayLogInAgain else { return nil }
      return try await renew()
    }
  }

  private var usable: VaultToken? {
    guard let held else { return nil }
    let life = Duration.seconds(held.login.lease)
    guard held.login.lease == 0 || ContinuousClock.now < held.since + life * 2 / 3 else { return nil }
    return held.login.token
  }

  private var mayLogInAgain: Bool { held.map { ContinuousClock.now > $0.since + Self.rest } ?? true }

  private func renew() async throws -> VaultToken {
    let since = ContinuousClock.now
    let fresh = try await login()
    held = (fresh, since)
    return fresh.token
  }
}
