import AgentModel
import CertificateAuthority
import ChildProcess
import Faults
import Files
import Foundation
import Glibc
import Logging
import SecretStore
import UnixSignals

/// Runs one node of an OpenBao cluster on this machine.
package struct ClusterNodeRun: Sendable {
  let node: ClusterNode
  /// OpenBao's program; `nil` takes the one of PATH, or the pinned one.
  let openBao: String?
  let logger: Logger

  private static let certificateLife = Duration.seconds(825 * 86_400)

  package init(_ node: ClusterNode, openBao: String?, logger: Logger) {
    self.node = node
    self.openBao = openBao
    self.logger = logger
  }

  /// Runs it until SIGTERM or SIGINT; it is started anew when it ends by itself.
  ///
  /// - Parameters:
  ///   - isSeed: whether it makes the cluster, unless it is in it or finds it: exactly one node does, once. Any other
  ///     joins.
  ///   - progress: told each change, one line.
  /// - Throws: `Fault(.conflict)` when it runs already.
  package func run(isSeed: Bool, progress: @escaping @Sendable (String) -> Void) async throws {
    guard geteuid() == 0 else {
      throw Fault(
        .denied, operation: "run node \(node.name)", reason: "its keys are root's", remedy: "run the command with sudo")
    }
    guard let lock = try SupervisorLock.take(node.lockFile) else {
      throw Fault(
        .conflict, operation: "run node \(node.name)", reason: "it runs already from \(node.directory)",
        remedy: "see 'lobstack vault status --node \(node.directory)'")
    }
    defer { withExtendedLifetime(lock) {} }
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    let program = try PinnedProgram.openBao.locate(openBao)
    Platform.setLimits()
    try await endFormer()
    var makesCluster = isSeed && !node.isMember
    if makesCluster, let peer = try await peerInCluster() {
      progress("node \(node.name): \(peer) has the cluster already; joining it")
      makesCluster = false
    }
    let result = await Result {
      try await prepare(makesCluster: makesCluster)
      try await supervise(program, until: signals, progress: progress)
    }
    try await MemoryDirectories.unmount(node.runDirectory)
    try result.get()
  }

  private func supervise(
    _ program: String, until signals: UnixSignalsSequence, progress: @escaping @Sendable (String) -> Void
  ) async throws {
    let process = SupervisedProcess(
      name: "vault",
      program: Child.Program(
        watchesLifeline: false, executable: Command.locate("env") ?? "/usr/bin/env",
        arguments: ["--chdir=\(node.directory)", Command.locate("setpriv") ?? "/usr/bin/setpriv"]
          + Platform.unprivileged("\(node.userID)")
          + [program, "server", InstanceProcesses.openBaoArgument(node.configuration)],
        environment: Command.defaultEnvironment, logFile: node.logFile),
      processIDFile: node.processIDFile, logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await process.run() }
      let result = await Result {
        try await firstOf(
          { for await _ in signals { return } },
          {
            async let watched: Void = ClusterWatch(node: node).run(progress: progress)
            async let rotated: Void = LogFile.rotate(logs, logger: logger)
            _ = try await (watched, rotated)
          })
      }
      progress("stopping node \(node.name)")
      await process.stop()
      try await group.waitForAll()
      try result.get()
    }
  }

  private var logs: [LogFile] {
    ([node.logFile] + ClusterNode.auditFiles.map { "\(node.directory)/\($0)" }).map(LogFile.init)
  }

  // MARK: Before it starts

  /// The server of a supervisor that was killed.
  private func endFormer() async throws {
    let deadline = ContinuousClock.now + .seconds(15)
    while case let former = InstanceProcesses.openBao(on: node.configuration), !former.isEmpty {
      for process in former { kill(process, ContinuousClock.now < deadline ? SIGTERM : SIGKILL) }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  /// A node that lost its disk must not begin a second cluster while the first one lives.
  ///
  /// - Returns: `nil` when none of those that answer has a cluster; at a first start none answers.
  private func peerInCluster() async throws -> String? {
    let roots = try String(contentsOfFile: node.authority, encoding: .utf8)
    for peer in node.settings.peers {
      let client = VaultClient(
        address: try VaultAddress(urls: OpenBaoConfiguration.api(at: peer), roots: roots), patience: .zero)
      let health = try? await client.health()
      try await client.shutdown()
      if health?.isInitialized == true { return peer }
    }
    return nil
  }

  private func prepare(makesCluster: Bool) async throws {
    try Preparation.requireTraversable(node.directory, by: "\(node.userID)")
    guard node.socket.utf8.count <= Preparation.longestSocketPath else {
      throw Fault(
        .invalid, operation: "use \(node.directory)",
        reason: "its socket would have a path of more than \(Preparation.longestSocketPath) bytes",
        remedy: "move it to a shorter path")
    }
    let owner = Account(user: node.userID, group: node.userID)
    try Preparation.makeDirectory(node.runDirectory, mode: 0o755)
    try await MemoryDirectories.mount(node.runDirectory, size: "64M")
    let places: [(path: String, mode: mode_t, owner: Account)] = [
      (node.dataDirectory, 0o700, owner), ("\(node.directory)/audit", 0o700, owner),
      ("\(node.runDirectory)/audit", 0o700, owner), ("\(node.runDirectory)/api", 0o700, owner),
      ("\(node.directory)/log", 0o700, .root),
    ]
    for place in places { try Preparation.makeDirectory(place.path, mode: place.mode, owner: place.owner) }
    guard let seal = try SealKey(file: node.sealKey) else {
      throw Fault(
        .notFound, operation: "read \(node.sealKey)", reason: "there is no such file",
        remedy: "copy it from another node: all have the same")
    }
    try writeAtomically(seal.bytes, to: node.sealCopy, mode: 0o400, owner: owner.user)
    try makeCertificate(owner: owner.user)
    try writeAtomically(
      Data(try configuration(seal: seal, makesCluster: makesCluster).text.utf8), to: node.configuration, mode: 0o640,
      group: owner.group)
  }

  private func makeCertificate(owner: uid_t) throws {
    guard let key = try readOwnFile(node.issuerKey, owner: 0) else {
      throw Fault(
        .notFound, operation: "read \(node.issuerKey)", reason: "there is no such file",
        remedy: "copy it from another node: all have the same")
    }
    let issuer = try StandaloneIssuer(
      certificatePEM: String(contentsOfFile: node.authority, encoding: .utf8),
      secretKeyPEM: String(decoding: key, as: UTF8.self))
    let names = [node.settings.address, "127.0.0.1", "localhost"].compactMap { ServerName($0) }
    let server = try issuer.server(names: names, life: Self.certificateLife, at: Date())
    try writeAtomically(Data(server.secretKeyPEM.utf8), to: node.certificateKey, mode: 0o400, owner: owner)
    try writeAtomically(Data(server.chain.utf8), to: node.certificate, mode: 0o444)
  }

  private func configuration(seal: SealKey, makesCluster: Bool) throws -> OpenBaoConfiguration {
    var firstStart: [ProvisioningRequest]?
    if makesCluster {
      guard let pem = try readOwnFile(node.operatorKey, owner: 0) else {
        throw Fault(
          .notFound, operation: "read \(node.operatorKey)", reason: "there is no such file",
          remedy: "copy it from another node: all have the same")
      }
      let key = try LoginKey(pem: String(decoding: pem, as: UTF8.self), source: node.operatorKey)
      let policy = try VaultPolicy.load(directory: node.policyDirectory, trustDomain: node.settings.trustDomain)
      firstStart = policy.requests + [.keys([key.publicPEM], ofMount: "operator")]
    }
    var configuration = OpenBaoConfiguration(
      clusterName: node.settings.cluster, nodeName: node.name, address: node.settings.address,
      dataDirectory: node.dataDirectory, socket: node.socket, socketUser: node.userID, socketGroup: node.userID,
      certificate: node.certificate, key: node.certificateKey, seal: .file(node.sealCopy, id: seal.id),
      auditFiles: ClusterNode.auditFiles, firstStart: firstStart)
    // Three nodes that each make a cluster are three clusters: who makes it joins nobody.
    if !makesCluster { configuration.peers = node.settings.peers }
    configuration.peerAuthority = node.authority
    return configuration
  }
}
