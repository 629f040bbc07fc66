import AgentModel
import ArgumentParser
import Faults
import Foundation
import Supervision

struct VaultClusterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cluster", abstract: "Run a secrets manager on several machines, which goes on when one fails.",
    discussion: """
      'init' makes a directory for each node; copy each to its machine. 'run' runs one there. A platform uses the
      cluster with 'lobstack up --vault-addr'. The other vault commands take a node with --node.
      """, subcommands: [VaultClusterInitCommand.self, VaultClusterRunCommand.self])
}

struct VaultClusterInitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Make the directories of a new cluster's nodes, with their keys.",
    discussion: """
      Each node's directory holds the key that unseals and the key of the cluster's operator: who has one of them has
      all secrets. Copy them as root, to root, and leave none behind.
      """)

  @Argument(help: "Directory to make.", completion: .directory)
  var directory: String

  @Option(
    help: ArgumentHelp(
      "A node and the IP address of its machine, reached by the others at ports 8200 and 8201; three or five of them.",
      valueName: "name=address"), transform: parseMember)
  var node: [ClusterFiles.Member]

  @Option(help: "What the cluster is called.")
  var name = "lobstack"

  @Option(
    help: ArgumentHelp("SPIFFE trust domain of the platform that uses it.", valueName: "domain"), transform: parseText)
  var trustDomain: TrustDomain = .default

  @Option(
    help: ArgumentHelp("Policy directory (default: the one that lies near the program).", valueName: "directory"),
    completion: .directory)
  var policy: String?

  func run() async throws {
    let nodes = try ClusterFiles(
      directory: directory, cluster: name, members: node, trustDomain: trustDomain, policy: policy
    ).make()
    for (number, node) in nodes.enumerated() {
      print("lobstack vault cluster run \(node.directory)\(number == 0 ? " --seed" : "")    # at \(node.api)")
    }
  }
}

@Sendable private func parseMember(_ text: String) throws -> ClusterFiles.Member {
  let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
  guard parts.count == 2, let member = ClusterFiles.Member(name: parts[0], address: parts[1]) else {
    throw ValidationError("'\(text)' is not NAME=ADDRESS with \(AgentName.rule), and an IP address")
  }
  return member
}

struct VaultClusterRunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run one node of a cluster, until Ctrl-C or SIGTERM.",
    discussion: """
      Start one node with --seed first, which makes the cluster, then the others, which join it. Give --seed by hand,
      once: a node that lost its disk, and reaches no other, would make a second cluster with it. A joined node has a
      vote after ten seconds; that one may fail is told when it is so.
      """)

  @Argument(help: "The node's directory.", completion: .directory)
  var directory: String

  @Flag(help: "Make the cluster, unless this node is in it or finds it; exactly one node does, once.")
  var seed = false

  @Option(help: ArgumentHelp("OpenBao's program (default: the one of PATH, or the pinned one).", valueName: "path"))
  var openbao: String?

  func run() async throws {
    let node = try ClusterNode(directory: directory)
    try await ClusterNodeRun(node, openBao: openbao, logger: ServiceRun.logger("vault-node")).run(isSeed: seed) {
      print($0)
      // Standard output may be a file that somebody watches.
      fflush(nil)
    }
  }
}
