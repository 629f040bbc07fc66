import AgentModel
import CertificateAuthority
import Faults
import Files
import Foundation
import Glibc
import SecretStore

/// Makes the directories of a new cluster, one for each node, to be copied to the nodes' machines.
package struct ClusterFiles: Sendable {
  package struct Member: Sendable, Hashable {
    package let name: String
    package let address: String

    /// - Returns: `nil` unless the name is a DNS label and the address an IP address.
    package init?(name: String, address: String) {
      var (four, six) = (in_addr(), in6_addr())
      guard isDNSLabel(name), inet_pton(AF_INET, address, &four) == 1 || inet_pton(AF_INET6, address, &six) == 1
      else { return nil }
      self.name = name
      self.address = address
    }
  }

  let directory: String
  let cluster: String
  let members: [Member]
  let trustDomain: TrustDomain
  let policy: PolicySource

  private static let authorityLife = Duration.seconds(3650 * 86_400)

  /// - Parameter policy: `policy/` to use; `nil` for the one that lies near the program.
  /// - Throws: `Fault(.invalid)` for fewer than three members, or two of one name or address.
  package init(
    directory: String, cluster: String, members: [Member], trustDomain: TrustDomain, policy: String?
  ) throws {
    func invalid(_ reason: String) -> Fault {
      Fault(
        .invalid, operation: "make a cluster", reason: reason, remedy: "name three or five nodes, each NAME=ADDRESS")
    }
    guard isDNSLabel(cluster) else { throw invalid("its name '\(cluster)' is not \(AgentName.rule)") }
    guard members.count >= 3 else { throw invalid("with \(members.count) nodes none may fail") }
    guard members.count % 2 == 1 else { throw invalid("of \(members.count) nodes no more may fail than of one less") }
    guard Set(members.map(\.name)).count == members.count, Set(members.map(\.address)).count == members.count else {
      throw invalid("two nodes have one name or one address")
    }
    self.directory = URL(filePath: directory).standardizedFileURL.path
    self.cluster = cluster
    self.members = members
    self.trustDomain = trustDomain
    self.policy = try PolicySource.find(given: policy, executable: Platform.currentExecutable)
  }

  /// Writes them.
  ///
  /// - Throws: `Fault(.alreadyExists)` when there is something; nothing is replaced.
  package func make() throws -> [ClusterNode] {
    guard geteuid() == 0 else {
      throw Fault(
        .denied, operation: "make a cluster", reason: "its keys are root's", remedy: "run the command with sudo")
    }
    guard !FileManager.default.fileExists(atPath: directory) else {
      throw Fault(
        .alreadyExists, operation: "make a cluster in \(directory)", reason: "there is such a directory",
        remedy: "name another one; the keys of a cluster are made once")
    }
    // Whole or not at all.
    let partial = "\(directory).\(UUID().uuidString)"
    do { try make(in: partial) } catch {
      // It holds keys that nobody uses.
      try? FileManager.default.removeItem(atPath: partial)
      throw error
    }
    return members.map { node($0, in: directory) }
  }

  private func make(in partial: String) throws {
    try Preparation.makeDirectory(partial, mode: 0o711)
    let (seal, login) = (SealKey(), LoginKey())
    let issuer = try StandaloneIssuer(
      name: "Secrets managers of \(cluster)", life: Self.authorityLife, at: Date())
    for member in members {
      let node = node(member, in: partial)
      // Passed by the server's own user, who has directories of his own there.
      try Preparation.makeDirectory(node.directory, mode: 0o711)
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try writeAtomically(try encoder.encode(node.settings), to: node.settingsFile, mode: 0o644)
      try writeAtomically(seal.bytes, to: node.sealKey, mode: 0o400)
      try writeAtomically(Data(login.secretPEM.utf8), to: node.operatorKey, mode: 0o400)
      try writeAtomically(Data(issuer.secretKeyPEM.utf8), to: node.issuerKey, mode: 0o400)
      try writeAtomically(Data(issuer.certificatePEM.utf8), to: node.authority, mode: 0o444)
      try FileManager.default.copyItem(atPath: "\(policy.directory)/vault", toPath: node.policyDirectory)
    }
    guard rename(partial, directory) == 0 else {
      throw Fault(
        .failed, operation: "make \(directory)", reason: String(cString: strerror(errno)),
        remedy: "choose another directory")
    }
  }

  private func node(_ member: Member, in directory: String) -> ClusterNode {
    ClusterNode(
      directory: "\(directory)/\(member.name)",
      settings: ClusterNode.Settings(
        cluster: cluster, name: member.name, address: member.address,
        peers: members.filter { $0 != member }.map(\.address), trustDomain: trustDomain))
  }
}
