import Faults
import HCL
import NIOHTTP1

/// Brings a server to what `policy/vault/` says, and tells what differs. Done again, it changes nothing.
package struct Provisioner: Sendable {
  /// One thing that is not as it should be.
  package struct Drift: Hashable, Sendable, CustomStringConvertible {
    package let request: ProvisioningRequest
    package let differences: [String]

    package var description: String { "\(request.path): \(differences.joined(separator: ", "))" }
  }

  private let vault: Vault
  private let policy: VaultPolicy

  package init(_ vault: Vault, policy: VaultPolicy) {
    self.vault = vault
    self.policy = policy
  }

  /// What is not as the policy says, without changing it.
  package func drift() async throws -> [Drift] {
    var found: [Drift] = []
    for request in policy.requests {
      if let drift = try await drift(of: request) { found.append(drift) }
    }
    return found
  }

  /// Mends what differs.
  ///
  /// - Returns: what did.
  /// - Throws: `Fault(.conflict)` for what cannot be changed without losing what it holds: the type of an engine or key.
  package func apply() async throws -> [Drift] {
    var mended: [Drift] = []
    for request in policy.requests {
      guard let drift = try await drift(of: request) else { continue }
      try await mend(drift)
      mended.append(drift)
    }
    let logins = mended.filter { $0.request.isLoginConfiguration }
    guard !logins.isEmpty else { return mended }
    // A login that read the former keys may put them into the mount's cache after it was emptied, where they would stay:
    // it is emptied once more when such a login has ended.
    try await Task.sleep(for: .seconds(1))
    for login in logins { try await writeAgain(login.request) }
    return mended
  }

  /// Tries more than once: when it is done anew, nothing differs any more, and nobody would write it.
  private func writeAgain(_ request: ProvisioningRequest) async throws {
    for _ in 0..<4 {
      do { return try await vault.write(request) } catch { try await Task.sleep(for: .milliseconds(500)) }
    }
    try await vault.write(request)
  }

  private func drift(of request: ProvisioningRequest) async throws -> Drift? {
    let found: HCLObject?
    do {
      found = try await vault.content(.GET, request.path)
    } catch let fault as Fault where fault.code == .notFound || (fault.code == .invalid && request.isMount) {
      // OpenBao says 400 for a mount that is not there.
      found = nil
    }
    guard let found else { return Drift(request: request, differences: ["it is missing"]) }
    let differences = differences(wished: request.data, found: found)
    return differences.isEmpty ? nil : Drift(request: request, differences: differences)
  }

  private func mend(_ drift: Drift) async throws {
    let request = drift.request
    guard drift.differences != ["it is missing"], request.isMount || request.isTransitKey else {
      return try await vault.write(request)
    }
    if drift.differences.contains(where: { $0.hasPrefix("type ") }) {
      throw Fault(
        .conflict, operation: "provision \(request.path)", reason: drift.differences.joined(separator: ", "),
        remedy: "move what it holds, then delete it; it is never replaced by itself")
    }
    // What was made once is tuned at another path.
    var tuned = HCLObject()
    for (key, value) in request.data.entries where key != "type" {
      if key == "config", case .object(let config) = value {
        for (key, value) in config.entries { _ = tuned.add(value, for: key) }
      } else {
        _ = tuned.add(value, for: key)
      }
    }
    try await vault.send(.POST, "\(request.path)/\(request.isMount ? "tune" : "config")", tuned)
  }
}

extension ProvisioningRequest {
  fileprivate var isMount: Bool { path.hasPrefix("sys/mounts/") || path.hasPrefix("sys/auth/") }
  fileprivate var isLoginConfiguration: Bool { path.hasPrefix("auth/") && path.hasSuffix("/config") }
  fileprivate var isTransitKey: Bool { path.hasPrefix("transit/keys/") }
}

extension Vault {
  /// Carries out one request as it stands.
  package func write(_ request: ProvisioningRequest) async throws {
    try await send(.POST, request.path, request.data)
  }
}
