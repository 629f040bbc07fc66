import ChildProcess
import Faults
import FoundationEssentials

/// One end of a veth pair as `ip -j -d addr show` prints it, as far as it is read back.
struct ObservedLink: Decodable, Sendable {
  struct Address: Decodable, Sendable {
    var family: String
    var local: String?
    var prefixlen: Int?
  }

  var ifname: String
  var flags: [String]
  var linkNamespaceID: Int?
  var linkNamespace: String?
  var addresses: [Address]?

  private enum CodingKeys: String, CodingKey {
    case ifname, flags
    case linkNamespaceID = "link_netnsid"
    case linkNamespace = "link_netns"
    case addresses = "addr_info"
  }
}

/// A named network namespace as `ip -j netns list` prints it.
private struct ObservedNamespace: Decodable {
  var name: String
  /// How this namespace calls that one; absent when the two share no link.
  var id: Int?
}

/// What the kernel has of all agents' networks at one moment.
struct NetworkSnapshot: Sendable {
  /// `nil` when the table is gone.
  var table: TableListing?
  var expected: TableListing
  var installed: InstalledTable?
  var links: [String: ObservedLink]
  var namespaces: [String: Int?]
}

/// Reads snapshots, one at a time: however many callers ask, the kernel is asked once for all of them.
actor SnapshotReader {
  private let firewall: Firewall
  private var current: Task<NetworkSnapshot, any Error>?
  private var next: Task<NetworkSnapshot, any Error>?

  init(firewall: Firewall) { self.firewall = firewall }

  /// A snapshot whose reading began after this call: a caller never gets news older than its question.
  func read() async throws -> NetworkSnapshot {
    if let next { return try await next.value }
    // Not child tasks: the callers who share the snapshot await it, and one caller's cancellation is not the others'.
    let earlier = current
    let task = Task { [firewall] in
      if let earlier { _ = await earlier.result }
      self.begin()
      return try await Self.take(firewall)
    }
    next = task
    return try await task.value
  }

  private func begin() {
    current = next
    next = nil
  }

  private static func take(_ firewall: Firewall) async throws -> NetworkSnapshot {
    async let table = firewall.listing()
    async let links: [ObservedLink] = query(["-j", "addr", "show", "type", "veth"])
    async let namespaces: [ObservedNamespace] = query(["-j", "netns", "list"])
    let live = try await table
    return NetworkSnapshot(
      table: live, expected: try await firewall.expected(for: live), installed: await firewall.installed,
      links: Dictionary(try await links.map { ($0.ifname, $0) }) { first, _ in first },
      namespaces: Dictionary(try await namespaces.map { ($0.name, $0.id) }) { first, _ in first })
  }

  private static func query<Item: Decodable>(_ arguments: [String]) async throws -> [Item] {
    let result = try await Command("ip", arguments).run(timeout: .seconds(30), outputLimit: 64 << 20)
    guard result.status == .exited(0) else {
      throw Fault(
        .failed, operation: "run ip \(arguments.joined(separator: " "))",
        reason: "it \(result.status): \(result.standardError.prefix(300))", remedy: "run it by hand to see why")
    }
    // ip prints nothing, or objects without a key, where there is nothing to list.
    let text = result.standardOutput.split(separator: "\n").joined()
    if text.isEmpty { return [] }
    return try JSONDecoder().decode([Entry<Item>].self, from: Data(text.utf8)).compactMap(\.item)
  }

  /// An element of a listing of `ip`, which prints `{}` for what a filter leaves out.
  private struct Entry<Item: Decodable>: Decodable {
    var item: Item?

    init(from decoder: any Decoder) throws {
      let isEmpty = try decoder.container(keyedBy: AnyKey.self).allKeys.isEmpty
      item = isEmpty ? nil : try Item(from: decoder)
    }
  }

  private struct AnyKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}
