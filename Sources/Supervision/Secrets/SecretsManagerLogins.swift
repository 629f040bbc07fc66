import AgentModel
import CertificateAuthority
import Faults
import Files
import Foundation
import Glibc
import SecretStore

/// The two keys by which the platform logs in to a secrets manager: root's, and the control plane's.
struct SecretsManagerLogins: Sendable {
  let operatorKey: LoginKey
  let controlPlaneKey: LoginKey

  /// Takes them from the instance's files; makes those that are not there.
  ///
  /// - Parameter operatorFile: root's, when it is another file than the instance's own.
  /// - Throws: `Fault` naming a file that others may have read, that holds no key, or that cannot be written.
  init(layout: InstanceLayout, operatorFile: String? = nil) throws {
    let controlPlane = try Account(named: InstanceLayout.User.controlPlane)
    if let operatorFile {
      guard let key = try Self.read(operatorFile, owner: 0) else {
        throw Fault(
          .notFound, operation: "read \(operatorFile)", reason: "there is no such file", remedy: "check the name")
      }
      if let present = try Self.read(layout.operatorKey, owner: 0), present.publicPEM != key.publicPEM {
        throw Fault(
          .conflict, operation: "log in by \(operatorFile)",
          reason: "instance \(layout.instance) logs in by another key, \(layout.operatorKey)",
          remedy: "leave out --vault-key; else move that file away first")
      }
      try writeAtomically(Data(key.secretPEM.utf8), to: layout.operatorKey, mode: 0o600)
      operatorKey = key
    } else {
      operatorKey = try Self.key(layout.operatorKey, owner: .root)
    }
    controlPlaneKey = try Self.key(layout.controlPlaneKey, owner: controlPlane)
  }

  /// What lets a new server believe them.
  var requests: [ProvisioningRequest] {
    [.keys([controlPlaneKey.publicPEM], ofMount: "platform"), .keys([operatorKey.publicPEM], ofMount: "operator")]
  }

  private static func key(_ path: String, owner: Account) throws -> LoginKey {
    if let present = try read(path, owner: owner.user) { return present }
    let key = LoginKey()
    try writeAtomically(Data(key.secretPEM.utf8), to: path, mode: 0o600, owner: owner.user, group: owner.group)
    return key
  }

  static func read(_ path: String, owner: uid_t) throws -> LoginKey? {
    try readOwnFile(path, owner: owner).map { try LoginKey(pem: String(decoding: $0, as: UTF8.self), source: path) }
  }
}
