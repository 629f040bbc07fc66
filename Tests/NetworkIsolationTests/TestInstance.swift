import AgentModel
import ChildProcess
import Documents
import Faults
import Foundation
import NetworkIsolation
import Synchronization

/// Whether tests may make network namespaces and nft tables. `REQUIRE_ROOT_TESTS=1` turns "skipped" into "failed".
let rootTests = getuid() == 0 || ProcessInfo.processInfo.environment["REQUIRE_ROOT_TESTS"] == "1"

/// An instance of its own on this machine, with names and addresses that nobody else uses.
struct TestInstance: Sendable {
  static let deniedDestinations = ["10.0.0.0/8", "169.254.0.0/16", "192.0.2.0/24", "fe80::/10"]

  let layout: InstanceLayout
  let isolation: NetworkIsolation

  var table: String { "inet \(isolation.table.name)" }

  /// Makes an instance, installs its table, and removes every trace of it afterwards, also on failure.
  static func with(_ body: (TestInstance) async throws -> Void) async throws {
    let instance = try await make()
    do {
      try await body(instance)
    } catch {
      try await instance.remove()
      throw error
    }
    try await instance.remove()
  }

  private func remove() async throws {
    try await isolation.uninstall()
    _ = Self.takenRanges.withLock { $0.remove(isolation.plan.subnet) }
  }

  /// The ranges of all tests of this process, which run at the same time: there are only 128 of them.
  private static let takenRanges = Mutex(Set<CIDR>())

  private static func make() async throws -> TestInstance {
    while true {
      let digits = String(UInt64.random(in: 0..<(1 << 40)), radix: 36)
      guard let name = InstanceName("t\(digits)") else { continue }
      let layout = InstanceLayout(stateDirectory: "/nonexistent", instance: name)
      let isolation = try NetworkIsolation(layout: layout, deniedDestinations: deniedDestinations)
      guard takenRanges.withLock({ $0.insert(isolation.plan.subnet).inserted }) else { continue }
      do {
        try await isolation.install()
        return TestInstance(layout: layout, isolation: isolation)
      } catch let fault as Fault where fault.code == .conflict {
        continue  // another instance on this machine has the same range
      }
    }
  }

  @discardableResult
  func attach(_ slot: Int, name: String = "bot") async throws -> AgentNetwork {
    let network = try isolation.network(slot: slot)
    guard let id = AgentID("acme/\(name)\(slot)") else { throw CancellationError() }
    try await isolation.attach(network, agent: id, labels: [:], policies: [Self.closed])
    return network
  }

  static let closed = NetworkPolicy(
    metadata: ObjectMeta(name: "closed"),
    spec: NetworkPolicySpec(podSelector: LabelSelector(), policyTypes: [.ingress, .egress]))

  /// Packets that a rule dropped.
  func count(_ rule: String) async throws -> Int {
    let text = try await nft("list counter \(table) \(rule)")
    let words = text.split(whereSeparator: \.isWhitespace)
    guard let place = words.firstIndex(of: "packets"), let count = Int(words[place + 1]) else { return -1 }
    return count
  }

  @discardableResult
  func nft(_ line: String) async throws -> String {
    try await Command("nft", ["-f", "-"]).check(input: Array("\(line)\n".utf8))
  }

  func status(_ network: AgentNetwork) async -> LayerStatus.State { await isolation.readBack(network).state }
}

@discardableResult
func ip(_ line: String) async throws -> String {
  try await Command("ip", line.split(separator: " ").map(String.init)).check()
}

/// Sets a value below /proc/sys/net.
func set(_ path: String, _ value: String) throws {
  try Data(value.utf8).write(to: URL(filePath: "/proc/sys/net/\(path)"))
}

func nftWithHandles(_ line: String) async throws -> String {
  try await Command("nft", ["-a", "-f", "-"]).check(input: Array("\(line)\n".utf8))
}

/// An interface of this machine's own, with an address, for as long as `body` runs.
func withInterface(address: String, _ body: (String) async throws -> Void) async throws {
  let name = "lbt\(UInt32.random(in: 0..<1_000_000))"
  try await ip("link add \(name) type veth peer name \(name)p")
  do {
    try await ip("addr add \(address)/32 dev \(name)")
    try await body(name)
  } catch {
    try await ip("link del \(name)")
    throw error
  }
  try await ip("link del \(name)")
}
