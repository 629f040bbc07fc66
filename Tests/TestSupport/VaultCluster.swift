import CertificateAuthority
import ChildProcess
import Faults
import Foundation
import Glibc
import SecretStore
import Supervision

/// Three nodes of a cluster, made and run by the program as a person does it; gone when the test is over.
package final class VaultCluster: Sendable {
  package let directory: String
  package let nodes: [ClusterNode]
  /// Of all nodes, over TLS.
  package let client: VaultClient
  private let program: String
  private let runs: [Task<Void, Never>]

  /// Runs `body` with a cluster that goes on when a node fails.
  ///
  /// - Parameter program: the `lobstack` under test.
  package static func with<Value>(
    program: String, _ body: (VaultCluster) async throws -> Value
  ) async throws -> Value {
    let cluster = try await VaultCluster(program: program)
    let result: Result<Value, any Error>
    do {
      try await cluster.waitUntilAvailable()
      result = .success(try await body(cluster))
    } catch {
      result = .failure(error)
      print(cluster.logs)
    }
    await cluster.close()
    return try result.get()
  }

  private init(program: String) async throws {
    let number = UInt16.random(in: .min ... .max)
    let directory = "/tmp/lobstack-cluster-\(number)"
    self.directory = directory
    self.program = program
    let names = ["n1", "n2", "n3"]
    let members = names.enumerated().flatMap { index, name in
      ["--node", "\(name)=127.18\(index + 1).\(number >> 8).\(number & 0xff)"]
    }
    try await Command(program, ["vault", "cluster", "init", directory] + members).check()
    nodes = try names.map { try ClusterNode(directory: "\(directory)/\($0)") }
    let roots = try String(contentsOfFile: nodes[0].authority, encoding: .utf8)
    let address = try VaultAddress(urls: nodes.map(\.api).joined(separator: ","), roots: roots)
    client = VaultClient(address: address, patience: .seconds(20))
    runs = nodes.enumerated().map { index, node in
      Task {
        // How it ended shows in what the test expects of it.
        _ = try? await Command(
          program, ["vault", "cluster", "run", node.directory] + (index == 0 ? ["--seed"] : [])
        ).run(appendingTo: "\(node.directory).log", timeout: .seconds(900))
      }
    }
  }

  /// The addresses of all nodes, as `--vault-addr` takes them.
  package var addresses: String { nodes.map(\.api).joined(separator: ",") }

  package func report(_ node: ClusterNode) async throws -> VaultReport { try await VaultOperator(node: node).report() }

  /// Waits until every node has a vote, and one may fail.
  package func waitUntilAvailable(within limit: Duration = .seconds(90)) async throws {
    let deadline = ContinuousClock.now + limit
    while true {
      // A node that starts answers nothing yet, or not all of it.
      if let report = try? await report(nodes[0]), report.nodes.count == nodes.count, report.failureTolerance > 0 {
        return
      }
      guard ContinuousClock.now < deadline else {
        throw Fault(
          .timedOut, operation: "wait", reason: "not within \(limit): one node may fail", remedy: "see the logs")
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  /// Ends the server that leads, at once; its supervisor starts it again.
  package func killLeader() async throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while true {
      // Between two leaders there is none.
      let state = try? await operatorVault().clusterState()
      if let leader = nodes.first(where: { $0.name == state?.leader }) {
        kill(try process("vault.pid", of: leader), SIGKILL)
        return
      }
      guard ContinuousClock.now < deadline else {
        throw Fault(.failed, operation: "find the leader", reason: "there is none", remedy: "see the logs")
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  package func operatorVault() throws -> Vault { try VaultOperator(node: nodes[0]).session(client) }

  private func process(_ file: String, of node: ClusterNode) throws -> pid_t {
    let text = try String(contentsOfFile: "\(node.directory)/\(file)", encoding: .utf8)
    guard let process = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)), process > 1 else {
      throw Fault(.failed, operation: "read \(file)", reason: "it holds no process id", remedy: "see the logs")
    }
    return process
  }

  package var logs: String {
    nodes.flatMap { ["\($0.directory).log", "\($0.directory)/log/vault.log"] }.map { path in
      "--- \(path)\n\((try? String(contentsOfFile: path, encoding: .utf8))?.suffix(3_000) ?? "")"
    }.joined(separator: "\n")
  }

  private func close() async {
    // A client that cannot be shut down ends with the test.
    try? await client.shutdown()
    for node in nodes {
      if let process = try? process("supervisor.lock", of: node) { kill(process, SIGTERM) }
    }
    for run in runs { await run.value }
    // What is left over is in /tmp; the test's verdict stands without it.
    try? FileManager.default.removeItem(atPath: directory)
  }
}
