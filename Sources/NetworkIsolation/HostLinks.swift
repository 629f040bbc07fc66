import AgentModel
import CLinux
import ChildProcess
import Faults
import Foundation
import Glibc

/// Network namespaces, veth pairs and addresses of one instance, through `ip` and /proc/sys.
struct HostLinks: Sendable {
  static let agentInterface = "eth0"
  private static let timeout = Duration.seconds(30)

  /// What is set on the host's end: it takes no IPv6, no packet from another source than its own /30, forwards nothing,
  /// answers ARP for its own address only, and believes no redirect
  /// (Linux Documentation/networking/ip-sysctl.rst).
  static let settings = [
    ("ipv6", "disable_ipv6", "1"),
    ("ipv4", "forwarding", "0"),
    ("ipv4", "rp_filter", "1"),
    ("ipv4", "arp_ignore", "2"),
    ("ipv4", "arp_announce", "2"),
    ("ipv4", "arp_accept", "0"),
    ("ipv4", "proxy_arp", "0"),
    ("ipv4", "accept_redirects", "0"),
    ("ipv4", "send_redirects", "0"),
    ("ipv4", "accept_source_route", "0"),
    ("ipv4", "route_localnet", "0"),
  ]

  let plan: AddressPlan

  /// What marks the host's end as ours and tells whose it is, in `ip link`.
  func alias(_ agent: AgentID) -> String { "\(aliasPrefix)\(agent)" }

  private var aliasPrefix: String { "lobstack \(plan.instance) " }

  /// Makes the namespace and the pair. The host's end stays down, so that no packet passes yet.
  func create(_ network: AgentNetwork, agent: AgentID) async throws {
    try await ip([
      "netns add \(network.namespace)",
      "link add \(network.interface) type veth peer name \(Self.agentInterface) netns \(network.namespace)",
      "link set \(network.interface) alias \"\(alias(agent))\" addrgenmode none",
      "addr add \(network.hostAddress)/30 dev \(network.interface)",
    ])
  }

  /// Gives the agent's end its address and route, whatever runsc took away.
  func configureAgentEnd(_ network: AgentNetwork) async throws {
    try await ip(
      [
        "link set lo up",
        "link set \(Self.agentInterface) addrgenmode none",
        "addr replace \(network.agentAddress)/30 dev \(Self.agentInterface)",
        "link set \(Self.agentInterface) up",
        "route replace default via \(network.hostAddress)",
      ], in: network.namespace)
  }

  /// Hardens the host's end and takes it up.
  func raise(_ network: AgentNetwork) throws {
    for (family, name, value) in Self.settings { try set(family, name, value, of: network.interface) }
    guard lobstack_interface_up(network.interface) == 0 else {
      throw Fault(
        .failed, operation: "take up interface \(network.interface)", reason: String(cString: strerror(errno)),
        remedy: "run 'ip link show \(network.interface)' to see its state")
    }
  }

  /// Removes what there is of the namespaces and pairs. An interface goes first: with it goes the agent's end, even if
  /// a process still holds the namespace.
  func remove(_ networks: [AgentNetwork]) async throws {
    let present = networks.filter { exists(interface: $0) || exists(namespace: $0) }
    guard !present.isEmpty else { return }
    let lines =
      present.filter(exists(interface:)).map { "link del \($0.interface)" }
      + present.filter(exists(namespace:)).map { "netns del \($0.namespace)" }
    let result = try await Command("ip", ["-force", "-batch", "-"]).run(
      input: Array((lines.joined(separator: "\n") + "\n").utf8), timeout: Self.timeout)
    guard let left = present.first(where: { exists(interface: $0) || exists(namespace: $0) }) else { return }
    throw Fault(
      .failed, operation: "remove network \(left.namespace)",
      reason: "interface \(left.interface) or its namespace is still there: \(result.standardError.prefix(300))",
      remedy: "run 'ip link del \(left.interface)' and 'ip netns del \(left.namespace)'")
  }

  /// Makes the interface of the service address, unless it is there.
  func createService() async throws {
    let name = plan.serviceInterface
    if if_nametoindex(name) == 0 {
      try await ip([
        "link add \(name) type veth peer name \(plan.serviceInterfacePeer)",
        "link set \(name) alias \"\(aliasPrefix)service\" addrgenmode none",
      ])
    }
    try await ip(["addr replace \(plan.serviceAddress)/32 dev \(name)", "link set \(name) up"])
  }

  func removeService() async throws {
    guard if_nametoindex(plan.serviceInterface) != 0 else { return }
    try await ip(["link del \(plan.serviceInterface)"])
  }

  func exists(interface network: AgentNetwork) -> Bool { if_nametoindex(network.interface) != 0 }

  func exists(namespace network: AgentNetwork) -> Bool { access(network.namespacePath, F_OK) == 0 }

  /// The instance's networks of which anything is there: an interface or a namespace.
  func present() -> [AgentNetwork] {
    // Without the directory no namespace was ever made.
    let namespaces = (try? FileManager.default.contentsOfDirectory(atPath: AddressPlan.namespaceDirectory)) ?? []
    let slots =
      interfaces().compactMap { plan.slot(interface: $0.name) } + namespaces.compactMap { plan.slot(namespace: $0) }
    return Set(slots).sorted().compactMap { try? plan.network(slot: $0) }  // slots of the plan, by construction
  }

  func interfaces() -> [(name: String, index: UInt32)] {
    guard let list = if_nameindex() else { return [] }
    defer { if_freenameindex(list) }
    var names: [(String, UInt32)] = []
    var entry = list
    while entry.pointee.if_index != 0 {
      if let name = entry.pointee.if_name { names.append((String(cString: name), entry.pointee.if_index)) }
      entry += 1
    }
    return names
  }

  /// The value of a setting of an interface; `nil` when the kernel has no such setting (IPv6 switched off at boot).
  func setting(_ family: String, _ name: String, of interface: String) -> String? {
    readLine(path(family, name, interface))
  }

  func alias(of interface: String) -> String? { readLine("/sys/class/net/\(interface)/ifalias") }

  /// Whether the interface's alias is one of ours, or not set yet.
  func isOurs(interface: String) -> Bool {
    guard let alias = alias(of: interface), !alias.isEmpty else { return true }
    return alias.hasPrefix(aliasPrefix)
  }

  private func set(_ family: String, _ name: String, _ value: String, of interface: String) throws {
    let path = path(family, name, interface)
    guard let current = setting(family, name, of: interface) else {
      if family == "ipv6" { return }
      throw Fault(
        .unsupported, operation: "set \(path)", reason: "the kernel has no such setting",
        remedy: "mount /proc and use a kernel with IPv4")
    }
    if current == value { return }
    let descriptor = open(path, O_WRONLY | O_CLOEXEC)
    defer { if descriptor >= 0 { close(descriptor) } }
    guard descriptor >= 0, write(descriptor, value, value.utf8.count) == value.utf8.count else {
      throw Fault(
        .failed, operation: "set \(path) to \(value)", reason: String(cString: strerror(errno)),
        remedy: "run the node as root with /proc/sys writable")
    }
  }

  private func path(_ family: String, _ name: String, _ interface: String) -> String {
    "/proc/sys/net/\(family)/conf/\(interface)/\(name)"
  }

  /// Runs `ip` once for all lines, in the machine's namespace or in another.
  private func ip(_ lines: [String], in namespace: String? = nil) async throws {
    let place = namespace.map { ["-n", $0] } ?? []
    try await Command("ip", place + ["-batch", "-"]).check(
      input: Array((lines.joined(separator: "\n") + "\n").utf8), timeout: Self.timeout)
  }
}

/// The first line of a short file of the kernel; `nil` when it cannot be read.
private func readLine(_ path: String) -> String? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var buffer = [UInt8](repeating: 0, count: 512)
  let count = read(descriptor, &buffer, buffer.count)
  guard count >= 0 else { return nil }
  return String(decoding: buffer.prefix(count).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
}
