import AgentModel
import CertificateAuthority
import Faults
import Foundation
import SecretStore

/// One node of an OpenBao cluster: a directory that `lobstack vault cluster init` made, on the machine of the node.
package struct ClusterNode: Sendable {
  struct Settings: Sendable, Hashable, Codable {
    var cluster: String
    var name: String
    var address: String
    /// Addresses of the others.
    var peers: [String]
    var trustDomain: TrustDomain
  }

  package let directory: String
  let settings: Settings

  /// - Throws: `Fault(.notFound)` for a directory that holds no node, `Fault(.invalid)` for a damaged one.
  package init(directory: String) throws {
    let directory = URL(filePath: directory).standardizedFileURL.path
    let file = "\(directory)/node.json"
    guard let data = FileManager.default.contents(atPath: file) else {
      throw Fault(
        .notFound, operation: "read \(file)", reason: "the file cannot be read",
        remedy: "name a node's directory that 'lobstack vault cluster init' made, as root")
    }
    do { settings = try JSONDecoder().decode(Settings.self, from: data) } catch {
      throw Fault(
        .invalid, operation: "read \(file)", reason: "it does not describe a node",
        remedy: "copy the directory again that 'lobstack vault cluster init' made", cause: error)
    }
    self.directory = directory
  }

  init(directory: String, settings: Settings) {
    self.directory = directory
    self.settings = settings
  }

  package var name: String { settings.name }
  package var api: String { OpenBaoConfiguration.api(at: settings.address) }

  // Made with the node, root's; who has one of the first three has all secrets.
  var settingsFile: String { "\(directory)/node.json" }
  var sealKey: String { "\(directory)/seal.key" }
  /// By which root is the operator of the cluster.
  package var operatorKey: String { "\(directory)/operator.key" }
  /// By which the node makes its own certificate.
  var issuerKey: String { "\(directory)/issuer.key" }
  /// Who vouches for every node, PEM.
  package var authority: String { "\(directory)/ca.pem" }
  var policyDirectory: String { "\(directory)/policy" }

  // The server's.
  var dataDirectory: String { "\(directory)/data" }
  var logFile: String { "\(directory)/log/vault.log" }
  /// Says that the node is, or was, in the cluster: a store is there before that.
  var memberMark: String { "\(directory)/member" }
  var isMember: Bool { FileManager.default.fileExists(atPath: memberMark) }

  // A file system in memory while it runs.
  var runDirectory: String { "\(directory)/run" }
  var configuration: String { "\(runDirectory)/openbao.hcl" }
  var sealCopy: String { "\(runDirectory)/seal.key" }
  var certificate: String { "\(runDirectory)/tls.pem" }
  var certificateKey: String { "\(runDirectory)/tls.key" }
  package var socket: String { "\(runDirectory)/api/vault.sock" }
  var lockFile: String { "\(directory)/supervisor.lock" }
  var processIDFile: String { "\(directory)/vault.pid" }

  /// Below the directory that the server runs in: the nodes' audit configuration has to be the same to the byte.
  static let auditFiles = ["audit/audit.jsonl", "run/audit/audit.jsonl"]

  /// The server's own user; see `InstanceLayout` for the range.
  var userID: UInt32 { 1_900_262_144 + UInt32(InstanceLayout.number(of: "\(settings.cluster)/\(settings.name)")) }
}

extension VaultOperator {
  /// Root at a node that runs on this machine.
  package init(node: ClusterNode) throws {
    self.init(
      address: VaultAddress(socket: node.socket), api: node.api, keyFile: node.operatorKey,
      policyDirectory: node.policyDirectory, trustDomain: node.settings.trustDomain)
  }
}
