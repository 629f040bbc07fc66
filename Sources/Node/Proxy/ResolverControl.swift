import AgentModel
import Faults
import Files
import Foundation
import Glibc
import NameResolution

/// The agents' resolver as the node works it: a table in a file, and a question which table is in force.
struct ResolverControl: Sendable {
  let file: String
  /// Of the platform, where the resolver listens and where all names lead.
  let address: String
  let port: UInt16
  /// The group that may read the table.
  let group: gid_t

  private static let deadline = Duration.seconds(5)

  /// Writes the table and waits until the resolver answers from it.
  ///
  /// - Throws: `Fault(.unavailable)` when it does not.
  func apply(_ agents: [(address: String, egress: [EgressAllowance])], version: String) async throws {
    let operation = "change what agents may resolve"
    guard let wanted = ResolverTable.Version(version), let service = IPv4Address(address) else {
      throw Fault(.invalid, operation: operation, reason: "'\(version)' is no version", remedy: "report this as a bug")
    }
    let table = ResolverTable(
      version: wanted, address: service,
      agents: agents.compactMap { agent in
        IPv4Address(agent.address).map { ResolverTable.Agent(address: $0, egress: agent.egress) }
      }.sorted { $0.address.bits < $1.address.bits })
    try writeAtomically(Data(try table.text()), to: file, mode: 0o640, group: group)
    let end = ContinuousClock.now + Self.deadline
    while ContinuousClock.now < end {
      if try await self.version() == version { return }
      try await Task.sleep(for: .milliseconds(5))
    }
    throw Fault(
      .unavailable, operation: operation,
      reason: "the sentinel does not answer from version \(version) within \(Self.deadline)",
      remedy: "see 'lobstack status' and the log of the sentinel")
  }

  /// The version that the resolver answers from; `nil` when it does not answer.
  func version() async throws -> String? {
    let (address, port) = (address, port)
    return await withCheckedContinuation { continuation in
      // The socket blocks, for a quarter of a second at most.
      DispatchQueue.global().async { continuation.resume(returning: askVersion(address: address, port: port)) }
    }
  }
}

/// Asks for `version.server`, class CH, type TXT (RFC 4892 §2.1).
private func askVersion(address: String, port: UInt16) -> String? {
  let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var patience = timeval(tv_sec: 0, tv_usec: 250_000)
  setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  var peer = sockaddr_in()
  peer.sin_family = sa_family_t(AF_INET)
  peer.sin_port = port.bigEndian
  guard inet_pton(AF_INET, address, &peer.sin_addr) == 1 else { return nil }
  let connected = withUnsafePointer(to: &peer) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
  let query = VersionQuery(id: UInt16.random(in: .min ... .max))
  guard connected == 0, send(descriptor, query.bytes, query.bytes.count, 0) == query.bytes.count else { return nil }
  var answer = [UInt8](repeating: 0, count: 512)
  let count = recv(descriptor, &answer, answer.count, 0)
  return count > 0 ? query.version(in: Array(answer[..<count])) : nil
}
