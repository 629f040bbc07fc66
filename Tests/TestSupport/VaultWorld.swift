import AgentModel
import CertificateAuthority
import ChildProcess
import Faults
import Foundation
import Glibc
import Logging
import SecretStore
import Synchronization

/// A real OpenBao with the project's own policy, as a first start makes it; gone when the test is over.
package final class VaultWorld: Sendable {
  package static let program = "/usr/local/lib/lobstack/bao"

  package let directory: String
  package let client: VaultClient
  package let domain = TrustDomain.default
  package var auditDirectory: String { "\(directory)/audit" }
  private let server = Mutex<Task<Void, Never>?>(nil)
  private let controlPlane = LoginKey()
  private let operatorKey = LoginKey()
  /// Signs for agents, as the control plane's authority does.
  package let authority: Authority

  /// What a configuration of a test's own has to fit.
  package struct Place: Sendable {
    package let directory: String
    package let address: String
    package let certificate: String
    package let key: String
    package let sealKey: String
    /// The listener that the world speaks to, and the logins of its control plane and operator.
    package let additions: String
  }

  /// Runs `body` with a server of its own.
  package static func start(
    sealsItself: Bool, auditRoom: String? = nil, _ body: (VaultWorld) async throws -> Void
  ) async throws {
    let world = try await start(sealsItself: sealsItself, auditRoom: auditRoom)
    do {
      try await body(world)
    } catch {
      await world.close()
      throw error
    }
    await world.close()
  }

  /// A server that runs until `close()`.
  ///
  /// - Parameters:
  ///   - socket: where it listens beside its address; by default in its own directory.
  ///   - authority: signs for agents; by default one of its own.
  ///   - auditRoom: size of a file system of the audit logs' own, as mount(8) takes it.
  ///   - configuration: files of another configuration than our own server's, by name.
  package static func start(
    sealsItself: Bool = true, socket: String? = nil, authority: Authority? = nil, auditRoom: String? = nil,
    configuration: ((Place) throws -> [String: String])? = nil
  ) async throws -> VaultWorld {
    let world = try VaultWorld(
      sealsItself: sealsItself, socket: socket, authority: authority, configuration: configuration)
    if let auditRoom {
      try await Command("mount", ["-t", "tmpfs", "-o", "size=\(auditRoom)", "tmpfs", world.auditDirectory]).check()
    }
    world.run()
    guard sealsItself else { return world }
    do { try await world.waitUntilReady() } catch {
      await world.close()
      throw error
    }
    return world
  }

  package static var policyDirectory: String {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "policy/vault").path
  }

  private init(
    sealsItself: Bool, socket: String?, authority: Authority?, configuration: ((Place) throws -> [String: String])?
  ) throws {
    let number = UInt16.random(in: .min ... .max)
    let directory = "/tmp/lobstack-vault-\(number)"
    self.directory = directory
    try FileManager.default.createDirectory(
      atPath: "\(directory)/data", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    try FileManager.default.createDirectory(atPath: "\(directory)/audit", withIntermediateDirectories: false)
    self.authority = authority ?? Authority(trustDomain: domain, at: .now)
    let address = "127.180.\(number >> 8).\(number & 0xff)"
    let names = [address].compactMap { ServerName($0) }
    let certificate = try StandaloneServer(
      names: names, issuerName: "Test", life: .seconds(86_400), at: .now)
    try certificate.chain.write(toFile: "\(directory)/tls.pem", atomically: true, encoding: .utf8)
    try certificate.secretKeyPEM.write(toFile: "\(directory)/tls.key", atomically: true, encoding: .utf8)
    var key = [UInt8](repeating: 0, count: 32)
    for index in key.indices { key[index] = .random(in: .min ... .max) }
    try Data(key).write(to: URL(filePath: "\(directory)/seal.key"))
    let policy = try VaultPolicy.load(directory: Self.policyDirectory, trustDomain: domain)
    let logins: [ProvisioningRequest] = [
      .keys([controlPlane.publicPEM], ofMount: "platform"), .keys([operatorKey.publicPEM], ofMount: "operator"),
    ]
    let own = OpenBaoConfiguration(
      clusterName: "test", nodeName: "n1", address: address, dataDirectory: "\(directory)/data",
      socket: socket ?? "\(directory)/vault.sock", socketUser: geteuid(), socketGroup: getegid(),
      certificate: "\(directory)/tls.pem", key: "\(directory)/tls.key",
      seal: sealsItself ? .file("\(directory)/seal.key", id: "test") : .shamir,
      auditFiles: ["\(directory)/audit/1.jsonl", "\(directory)/audit/2.jsonl"],
      firstStart: policy.requests + logins)
    apiAddress = own.apiAddress
    authorityPEM = certificate.issuer
    let place = Place(
      directory: directory, address: address, certificate: own.certificate, key: own.key,
      sealKey: "\(directory)/seal.key",
      additions: """
        listener "unix" {
          address = "\(own.socket)"
        }
        initialize "additions" {
        \(logins.map(\.text).joined())}

        """)
    try FileManager.default.createDirectory(atPath: "\(directory)/config", withIntermediateDirectories: false)
    for (name, text) in try configuration?(place) ?? ["openbao.hcl": own.text] {
      try text.write(toFile: "\(directory)/config/\(name)", atomically: true, encoding: .utf8)
    }
    client = VaultClient(address: VaultAddress(socket: own.socket), patience: .seconds(30))
  }

  private func run() {
    let command = Command(
      Self.program, ["server", "-config=\(directory)/config"],
      environment: Command.defaultEnvironment.merging(["HOME": directory]) { $1 })
    let task = Task { [directory] in
      // How it ended shows in what the test expects of it.
      _ = try? await command.run(appendingTo: "\(directory)/log", timeout: .seconds(600))
    }
    server.withLock { $0 = task }
  }

  /// Who vouches for the server at that address, PEM.
  package let authorityPEM: String
  package let apiAddress: String

  private func waitUntilReady() async throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while true {
      // It takes connections before it answers them.
      if (try? await client.health())?.isReady == true { return }
      guard ContinuousClock.now < deadline else {
        throw Fault(
          .timedOut, operation: "start OpenBao",
          reason: (try? String(contentsOfFile: "\(directory)/log", encoding: .utf8)) ?? "no log", remedy: "read it")
      }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  package func close() async {
    try? await client.shutdown()
    let task = server.withLock { $0 }
    task?.cancel()
    await task?.value
    // Most have no file system of their own there.
    _ = try? await Command("umount", ["--quiet", auditDirectory]).run()
    // What is left over is in /tmp; the test's verdict stands without it.
    try? FileManager.default.removeItem(atPath: directory)
  }

  /// A token of the operator's.
  package func operatorToken() async throws -> String {
    let token = try operatorKey.token(for: .operator, in: domain, audience: "openbao", at: Date())
    return try await Vault.logIn(client, jwt: token.secretToken, role: "operator", mount: "operator").token.secret
  }

  package var asControlPlane: Vault { Vault(client, as: .controlPlane, key: controlPlane, in: domain) }
  package var asOperator: Vault { Vault(client, as: .operator, key: operatorKey, in: domain) }

  /// Makes an agent as the control plane does, and logs in as it.
  package func agent(_ id: AgentID, uid: AgentUID = .random()) async throws -> Vault {
    try await believeAgents()
    try await VaultAgents(asControlPlane, domain: domain).enable(id, uid: uid)
    return Vault(client, token: try await logIn(id).token)
  }

  package func believeAgents() async throws {
    try await VaultAgents(asControlPlane, domain: domain).believe(keys: authority.bundle.tokenKeyPEMs)
  }

  package func logIn(_ id: AgentID) async throws -> VaultLogin {
    let token = try authority.issueJWTSVID(for: .agent(id, in: domain), audience: ["openbao"], at: .now)
    return try await Vault.logIn(client, jwt: token.secretToken, role: "agent", mount: "jwt")
  }
}
