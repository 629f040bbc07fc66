import APIModel
import AgentModel
import ChildProcess
import Faults
import Foundation
import Glibc
import SecretStore
import Supervision
import TestSupport
import Testing

@Suite("A cluster of secrets managers", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(8)))
struct ClusterTests {
  @Test("loses no acknowledged write when its leader is killed three times") func leaderLoss() async throws {
    try await VaultCluster.with(program: TestPlatform.binary) { cluster in
      let loss = try await LeaderLoss.measure(cluster, kills: 3)
      #expect(loss.lost.isEmpty && loss.failed == 0, "\(loss)")
      #expect(loss.acknowledged > 100 && loss.recoveries.count == 3, "\(loss)")
      #expect(loss.recoveries.allSatisfy { $0 < .seconds(30) }, "\(loss.recoveries)")

      // A node that lost its disk comes back empty and joins, also where it is told to make the cluster.
      let refused = try await Command(
        TestPlatform.binary, ["vault", "cluster", "run", cluster.nodes[0].directory, "--seed"]
      ).run(timeout: .seconds(20))
      #expect(refused.status != .exited(0) && refused.standardError.contains("runs already"), "\(refused)")
    }
  }

  @Test("serves a platform, whose agents have new secrets while a node is down") func platform() async throws {
    try await VaultCluster.with(program: TestPlatform.binary) { cluster in
      let node = cluster.nodes[0]
      let options = ["--vault-addr", cluster.addresses, "--vault-ca", node.authority, "--vault-key", node.operatorKey]
      try await withPlatform(options: { _ in options }) { platform in
        let doctor = try await platform.run(["doctor"] + options)
        #expect(doctor.output.contains("logs in as the role 'operator'"), "\(doctor)")
        let report = try await platform.run("vault", "status", "-o", "json").ok().json(VaultReport.self)
        #expect(report.failureTolerance == 1 && report.nodes.count == 3 && report.drift.isEmpty)
        try await platform.run("secret", "set", "key", input: "first").ok()
        let file = "\(platform.directory)/bot.yaml"
        try """
        apiVersion: lobstack.dev/v1
        kind: Agent
        metadata: {name: bot}
        spec:
          image: \(platform.image)
          command: [sh, -c, "trap 'exit 0' TERM; sleep 36000 & wait"]
          secrets: [{name: key}]
        """.write(toFile: file, atomically: true, encoding: .utf8)
        try await platform.run(["agent", "create", "-f", file, "--wait"], timeout: .seconds(150)).ok()
        try await cluster.killLeader()
        // Until the nodes have agreed on another leader nobody can write.
        try await eventually("the secret is written") {
          try await platform.run("secret", "set", "key", input: "second").code == 0
        }
        try await eventually("the agent has the new secret") {
          try await platform.exec("bot", "cat", "/vault/secrets/key").output == "second"
        }
        try await platform.waitUntilReady()
        // It has no OpenBao of its own.
        #expect(!FileManager.default.fileExists(atPath: platform.layout.vaultSocket))
        #expect(throws: (any Error).self) { try platform.processID(of: "vault") }
      }
    }
  }

  @Test("takes a platform in by a token, once, and refuses one that it does not know") func token() async throws {
    try await VaultWorld.start(sealsItself: true) { world in
      let (ca, token) = ("\(world.directory)/ca.pem", "\(world.directory)/token")
      try world.authorityPEM.write(toFile: ca, atomically: true, encoding: .utf8)
      let options = ["--vault-addr", world.apiAddress, "--vault-ca", ca]
      try await withPlatform(started: false) { platform in
        let unknown = try await platform.run(["doctor"] + options)
        #expect(unknown.code == 1 && unknown.output.contains("there is no key"), "\(unknown)")
        try await world.operatorToken().write(toFile: token, atomically: true, encoding: .utf8)
        let open = try await platform.run(["doctor"] + options + ["--vault-token-file", token])
        #expect(open.output.contains("others than its owner"), "\(open)")
        chmod(token, 0o600)
        try await platform.up(options + ["--vault-token-file", token])
        try await platform.down()
        unlink(token)
        try await platform.up(options)
        try await platform.waitUntilReady()
        #expect(try await platform.run("status").output.contains("as policy/vault says"))
        try await platform.down()
        let own = try await platform.run(["up", "--unseal", "shares"] + options)
        #expect(own.code == 2 && own.error.contains("not for --vault-addr"))
      }
    }
  }
}

@Suite("A secrets manager that people unseal", .enabled(if: rootTests), .timeLimit(.minutes(6)))
struct SharedUnsealingTests {
  @Test("waits for three of five shares at each start") func shares() async throws {
    try await withPlatform(started: false) { platform in
      let up = Task { try await platform.up(["--unseal", "shares"]) }
      try await eventually("it waits to be initialised") {
        try await platform.run("vault", "status").output.contains("uninitialised")
      }
      let made = try await platform.run("vault", "init").ok().output
      let shares = made.split(separator: "\n").map(String.init)
      #expect(shares.count == 5)
      try await up.value
      try await platform.run("secret", "set", "key", input: "kept").ok()
      #expect(try await platform.run("vault", "init").error.contains("initialised before"))
      #expect(!FileManager.default.fileExists(atPath: platform.layout.vaultSealKey))

      kill(try platform.processID(of: "vault"), SIGKILL)
      try await eventually("it is sealed") {
        try await platform.run("vault", "status").output.contains("0 of 3 given")
      }
      let sealed = try await platform.run("agent", "create", "late", "--image", platform.image, "--wait")
      #expect(sealed.code != 0 && sealed.error.contains("sealed"), "\(sealed)")
      let wrong = try await platform.run("vault", "unseal", input: "no share\n")
      #expect(wrong.code == 1, "\(wrong)")
      try await platform.run("vault", "unseal", input: shares.prefix(3).joined(separator: "\n")).ok()
      try await platform.waitUntilReady()
      #expect(try await platform.run("secret", "list").ok().output.contains("key"))
      // No log has a share.
      for log in try FileManager.default.contentsOfDirectory(atPath: platform.layout.logDirectory) {
        let text = (try? String(contentsOfFile: "\(platform.layout.logDirectory)/\(log)", encoding: .utf8)) ?? ""
        #expect(!shares.contains { text.contains($0) }, "\(log)")
      }
      try await platform.down()
      let other = try await platform.run("up", "--detach", "--seal-key", "/etc/hostname")
      #expect(other.code == 1 && other.error.contains("since its first start"), "\(other)")
    }
  }
}
