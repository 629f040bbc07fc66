import APIModel
import AgentModel
import CertificateAuthority
import Faults
import Foundation
import SecretStore

@testable import ControlPlane

/// A secrets manager in memory.
actor FakeSecrets: SecretKeeping {
  private(set) var values: [SecretReference: [SecretValue]] = [:]
  /// Whether an agent may log in.
  private(set) var enabled: [AgentID: Bool] = [:]
  /// Whom to let log in was tried, in that order.
  private(set) var asked: [AgentID] = []
  private(set) var isDown = false

  func setDown(_ down: Bool) { isDown = down }

  private var isSilent = false

  /// Whether it does not even say how it does.
  func setSilent(_ silent: Bool) { isSilent = silent }

  func isSealed() throws -> Bool {
    guard isSilent else { return isDown }
    throw Fault(.unavailable, operation: "ask the secrets manager", reason: "nobody answers", remedy: "start it")
  }

  func set(_ reference: SecretReference, to value: SecretValue, ifCurrent current: Int?) throws -> Int {
    try requireUp()
    let version = values[reference]?.count ?? 0
    guard current == nil || current == version else {
      throw Fault(.conflict, operation: "set secret", reason: "it was changed meanwhile", remedy: "read it again")
    }
    values[reference, default: []].append(value)
    return version + 1
  }

  func delete(_ reference: SecretReference) throws {
    try requireUp()
    guard values.removeValue(forKey: reference) != nil else {
      throw Fault(.notFound, operation: "delete secret \(reference)", reason: "there is none", remedy: "list them")
    }
  }

  func list() throws -> [SecretResource] {
    try requireUp()
    return values.sorted { "\($0.key)" < "\($1.key)" }.map {
      SecretResource($0.key, version: $0.value.count, updatedAt: Date(timeIntervalSince1970: 0))
    }
  }

  func own(_ id: AgentID) throws -> [SecretReference] {
    try requireUp()
    return values.keys.filter { $0.tenant == id.tenant && $0.agent == id.name }.sorted { "\($0)" < "\($1)" }
  }

  nonisolated var index: VaultIndex? { nil }

  func exists(_ reference: SecretReference) throws -> Bool {
    try requireUp()
    return values[reference] != nil
  }

  func enable(_ id: AgentID, uid: AgentUID) throws {
    asked.append(id)
    try requireUp()
    enabled[id] = true
  }

  func disable(_ id: AgentID, uid: AgentUID) throws {
    try requireUp()
    enabled[id] = false
  }

  func destroy(_ id: AgentID, uid: AgentUID) throws -> [SecretReference] {
    try requireUp()
    enabled[id] = nil
    let own = values.keys.filter { $0.tenant == id.tenant && $0.agent == id.name }
    for reference in own { values[reference] = nil }
    return own.sorted { "\($0)" < "\($1)" }
  }

  func token(for id: AgentID) throws -> SecretValue {
    try requireUp()
    return SecretValue("token of \(id)".utf8)
  }

  func close() {}

  func component() -> PlatformStatus.Component {
    PlatformStatus.Component(name: "vault", state: isDown ? "down" : "ready", detail: "test")
  }

  func requireReady(operation: String) throws { try requireUp() }

  private func requireUp() throws {
    guard isDown else { return }
    throw Fault(
      .unavailable, operation: "use the secrets manager", reason: "the secrets manager is sealed", remedy: "unseal it")
  }
}

/// A root in two files instead of in a secrets manager.
struct FileRoot: RootSigning {
  let root: RootAuthority

  func anchor() -> TrustAnchor { root.anchor }

  func signIntermediate(_ request: [UInt8], at time: Date) throws -> [UInt8] {
    try root.signIntermediate(request, at: time)
  }
}
