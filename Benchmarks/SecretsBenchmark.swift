import APIClient
import APIModel
import AgentModel
import CertificateAuthority
import ChildProcess
import Files
import Foundation
import Glibc
import SecretStore
import Supervision

/// Secrets: how soon an agent has a new one, what the client costs, what encryption costs the workspace.
enum SecretsBenchmark {
  static func run() async throws -> [Row] {
    try await platform() + store()
  }

  // MARK: A platform

  private static let changes = 30
  private static let probe = [
    "sh", "-c",
    "last=; while :; do now=$(cat /vault/secrets/key); [ \"$now\" = \"$last\" ] || echo \"$now\"; last=$now; done",
  ]

  private static func platform() async throws -> [Row] {
    try await BenchmarkPlatform.with { platform in
      let name = try parsed(SecretName("key"))
      let reference = SecretReference(tenant: .default, agent: AgentName("reader"), name: name)
      try await platform.client.setSecret(reference, to: SecretValue("value 0".utf8))
      let agent = try await platform.create("reader", command: probe, secrets: ["key"])
      try await platform.wait(for: agent.id, .running)
      let log = "\(platform.layout.agentsDirectory)/\(agent.metadata.uid)/log/log/agent.log"
      _ = try await line("value 0", of: log)
      // The same request for a secret that no agent has: what is stored, and nobody to tell.
      let unused = SecretReference(tenant: .default, agent: nil, name: try parsed(SecretName("unused")))
      var (seen, set): ([Double], [Double]) = ([], [])
      for number in 1...changes {
        try await Task.sleep(for: .milliseconds(Int.random(in: 50..<150)))
        let begin = StartBenchmark.realTime()
        try await platform.client.setSecret(reference, to: SecretValue("value \(number)".utf8))
        seen.append((try await line("value \(number)", of: log) - begin) * 1000)
        let start = ContinuousClock.now
        try await platform.client.setSecret(unused, to: SecretValue("value \(number)".utf8))
        set.append((ContinuousClock.now - start).inMilliseconds)
      }
      let workspace = "\(platform.layout.agentsDirectory)/\(agent.metadata.uid)/workspace"
      let rows = try await encryption(workspace: workspace) + restart(platform)
      try await platform.delete(agent.id)
      return [.compare("secret set, seen by the agent", Samples(seen), "set, nobody uses it", Samples(set))] + rows
    }
  }

  /// When the agent wrote the line, by the clock of the file system.
  private static func line(_ text: String, of log: String) async throws -> Double {
    let end = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < end {
      if let all = try? String(contentsOfFile: log, encoding: .utf8), all.hasSuffix("\(text)\n"),
        let status = FileStatus(log)
      {
        return Double(status.changed[0]) + Double(status.changed[1]) / 1e9
      }
      try await Task.sleep(for: .milliseconds(1))
    }
    throw BenchmarkFailure("the agent does not see '\(text)' within 30 s")
  }

  // MARK: Encryption

  /// On the host, where gocryptfs and a plain volume of the same kind are used alike.
  private static func encryption(workspace: String) async throws -> [Row] {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let (image, plain) = ("\(scratch.path)/plain.img", "\(scratch.path)/plain")
    try await Command("truncate", ["-s", "64M", image]).check()
    try await Command("mkfs.ext4", ["-q", "-F", image]).check()
    try FileManager.default.createDirectory(atPath: plain, withIntermediateDirectories: false)
    try await Command("mount", ["-o", "loop,noatime", image, plain]).check()
    do {
      let rows = try await compare(workspace, plain)
      try await Command("umount", [plain]).check()
      return rows
    } catch {
      // The first error tells more than that of the clean-up.
      _ = try? await Command("umount", ["--lazy", plain]).run()
      throw error
    }
  }

  private static func compare(_ encrypted: String, _ plain: String) async throws -> [Row] {
    let works = [
      ("write 32 MiB to the workspace, synchronised", "dd if=/dev/zero of=bench bs=1M count=32 conv=fsync"),
      ("read 32 MiB from it", "cat bench >/dev/null"),
      ("create, read, remove 200 files in it", "for i in $(seq 200); do echo x >f$i; done; cat f* >/dev/null; rm f*"),
    ]
    var rows: [Row] = []
    for (what, script) in works {
      var (ours, theirs): ([Double], [Double]) = ([], [])
      for round in 0...10 {
        let times = (try await time(script, in: encrypted), try await time(script, in: plain))
        guard round > 0 else { continue }
        ours.append(times.0)
        theirs.append(times.1)
      }
      rows.append(.compare(what, Samples(ours), "plain ext4", Samples(theirs)))
    }
    for place in [encrypted, plain] { unlink("\(place)/bench") }
    return rows
  }

  private static func time(_ script: String, in directory: String) async throws -> Double {
    let start = ContinuousClock.now
    try await Command("sh", ["-c", script], directory: directory).check()
    return (ContinuousClock.now - start).inMilliseconds
  }

  // MARK: The server's own start

  private static func restart(_ platform: BenchmarkPlatform) async throws -> [Row] {
    let client = VaultClient(address: VaultAddress(socket: platform.layout.vaultSocket), patience: .zero)
    var times: [Double] = []
    for _ in 0..<5 {
      let text = try String(contentsOfFile: "\(platform.layout.runDirectory)/vault.pid", encoding: .utf8)
      let process = try parsed(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
      let start = ContinuousClock.now
      kill(process, SIGKILL)
      try await eventually("the secrets manager is back", log: "\(platform.layout.logDirectory)/vault.log") {
        // The one that was killed answers no more.
        try await client.health().isReady && kill(process, 0) != 0
      }
      times.append((ContinuousClock.now - start).inMilliseconds)
      // Past the supervisor's delay for a process that ends again and again.
      try await Task.sleep(for: .seconds(11))
    }
    try await client.shutdown()
    return [Row(what: "secrets manager killed, to unsealed", figure: Row.text(Samples(times)), goal: "1 s")]
  }

  // MARK: The client

  private static let seconds = 4

  private static func store() async throws -> [Row] {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let server = try BenchmarkVault(in: scratch.path)
    await server.program.start()
    do {
      let (vault, token) = try await server.fill()
      let rows = try await transit(server, vault, token) + logins(server, vault)
      try await server.client.shutdown()
      await server.program.stop()
      return rows
    } catch {
      // The first error tells more than that of the clean-up.
      try? await server.client.shutdown()
      await server.program.stop()
      throw error
    }
  }

  /// Encryption of 256 bytes, by our client and by wrk, over the same TLS.
  private static func transit(
    _ server: BenchmarkVault, _ vault: Vault, _ token: VaultToken
  ) async throws -> [Row] {
    let value = SecretValue([UInt8](repeating: 7, count: 256))
    let script = try server.script(plaintext: Data(value.bytes).base64EncodedString(), token: token)
    let peer = LoadTest(
      name: "wrk", url: "\(server.address)/v1/transit/encrypt/agent-data", script: script)
    var rows: [Row] = []
    for connections in [1, 16] {
      let times = try await withThrowingTaskGroup(of: [Double].self) { group in
        let end = ContinuousClock.now + .seconds(seconds)
        for _ in 0..<connections {
          group.addTask {
            var times: [Double] = []
            while ContinuousClock.now < end {
              let start = ContinuousClock.now
              _ = try await Transit(vault).encrypt([value], key: "agent-data")
              times.append((ContinuousClock.now - start).inMilliseconds)
            }
            return times
          }
        }
        return try await group.reduce(into: []) { $0 += $1 }
      }
      let bare = try await peer.run(connections: connections, seconds: seconds)
      let (ours, rate) = (Samples(times), Double(times.count) / Double(seconds))
      rows.append(
        Row(
          what: "Transit encrypt 256 B, c=\(connections)",
          figure: String(format: "p50 %.2f ms, p99 %.2f ms, %.0f/s", ours.p50, ours.p99, rate),
          peer: String(format: "wrk: p50 %.2f ms, p99 %.2f ms, %.0f/s", bare.p50, bare.p99, bare.rate),
          ratio: String(
            format: "%.2f / %.2f, %.2f of the rate", ours.p50 / bare.p50, ours.p99 / bare.p99, rate / bare.rate)
        ))
    }
    return rows
  }

  /// What each agent costs: a login, and a secret read by its token.
  private static func logins(_ server: BenchmarkVault, _ vault: Vault) async throws -> [Row] {
    let authority = Authority(trustDomain: .default, at: .now)
    let agents = VaultAgents(vault, domain: .default)
    try await agents.believe(keys: authority.bundle.tokenKeyPEMs)
    let id = try parsed(AgentID("default/reader"))
    try await agents.enable(id, uid: .random())
    let path = "lobstack/agent/\(id.vaultName)/key"
    try await KeyValue(vault).write(path, SecretValue("value".utf8))
    var (both, reading): ([Double], [Double]) = ([], [])
    for _ in 0..<200 {
      let start = ContinuousClock.now
      let token = try authority.issueJWTSVID(for: .agent(id, in: .default), audience: ["openbao"], at: .now)
      let login = try await Vault.logIn(server.client, jwt: token.secretToken, role: "agent", mount: "jwt")
      let own = KeyValue(Vault(server.client, token: login.token))
      _ = try await own.read(path)
      both.append((ContinuousClock.now - start).inMilliseconds)
      let begin = ContinuousClock.now
      _ = try await own.read(path)
      reading.append((ContinuousClock.now - begin).inMilliseconds)
    }
    return [.compare("an agent's login and one secret", Samples(both), "the secret alone", Samples(reading))]
  }
}

/// An OpenBao of our configuration over TLS, with a token that may do everything.
private struct BenchmarkVault {
  let client: VaultClient
  let address: String
  let program: BackgroundProgram
  private let directory: String

  init(in directory: String) throws {
    self.directory = directory
    let number = UInt16.random(in: .min ... .max)
    let host = "127.190.\(number >> 8).\(number & 0xff)"
    let certificate = try StandaloneServer(
      names: [host].compactMap { ServerName($0) }, issuerName: "Test", life: .seconds(86_400), at: .now)
    try certificate.chain.write(toFile: "\(directory)/tls.pem", atomically: true, encoding: .utf8)
    try certificate.secretKeyPEM.write(toFile: "\(directory)/tls.key", atomically: true, encoding: .utf8)
    try FileManager.default.createDirectory(atPath: "\(directory)/data", withIntermediateDirectories: false)
    let configuration = OpenBaoConfiguration(
      clusterName: "benchmark", nodeName: "n1", address: host, dataDirectory: "\(directory)/data",
      socket: "\(directory)/vault.sock", socketUser: geteuid(), socketGroup: getegid(),
      certificate: "\(directory)/tls.pem", key: "\(directory)/tls.key", seal: .shamir,
      auditFiles: ["\(directory)/audit-1.jsonl", "\(directory)/audit-2.jsonl"], firstStart: nil)
    try configuration.text.write(toFile: "\(directory)/openbao.hcl", atomically: true, encoding: .utf8)
    address = configuration.apiAddress
    client = VaultClient(
      address: try VaultAddress(urls: address, roots: certificate.issuer), patience: .seconds(20))
    program = BackgroundProgram(
      "openbao", in: directory, try PinnedProgram.openBao.locate(nil), ["server", "-config=\(directory)/openbao.hcl"],
      environment: Command.defaultEnvironment.merging(["HOME": directory]) { $1 })
  }

  /// Initialises it, with what the policy says.
  func fill() async throws -> (vault: Vault, token: VaultToken) {
    try await eventually("OpenBao answers", log: program.log) { try await !client.health().isInitialized }
    let first = try await client.initialize(shares: 1, threshold: 1)
    try await client.unseal(share: first.shares[0])
    let vault = Vault(client, token: first.rootToken)
    let policy = "\(FileManager.default.currentDirectoryPath)/policy/vault"
    try await eventually("OpenBao is active", log: program.log) {
      _ = try await Provisioner(vault, policy: try VaultPolicy.load(directory: policy, trustDomain: .default)).apply()
      return true
    }
    return (vault, first.rootToken)
  }

  func script(plaintext: String, token: VaultToken) throws -> String {
    let path = "\(directory)/encrypt.lua"
    try """
    wrk.method = "POST"
    wrk.headers["X-Vault-Token"] = "\(token.secret)"
    wrk.headers["X-Vault-Request"] = "true"
    wrk.headers["Content-Type"] = "application/json"
    wrk.body = [[{"batch_input":[{"plaintext":"\(plaintext)"}]}]]
    """.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }
}
