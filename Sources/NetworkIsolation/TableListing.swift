import Faults
import Foundation

/// A table as `nft -j list table` prints it, without what may change while it does its work: counts, and the elements
/// of the sets that are filled as agents or packets come.
struct TableListing: Hashable, Sendable {
  /// One canonical text for each object of the table, in the kernel's order.
  let objects: [String]
  /// The elements of the agents' sets, `lb0001-0` and `lb0001-0 10.64.0.2`.
  let interfaces: Set<String>
  let sources: Set<String>
  let cutOff: Set<String>
  /// The kernel's numbers of the objects, sorted, since nft's order is no promise: a table that is made anew, or a rule,
  /// has others.
  let handles: [Int]
  let chains: Int
  let rules: Int

  /// - Throws: `Fault(.failed)` for a text that is not such a listing.
  init(json: String) throws {
    let parsed = try? JSONSerialization.jsonObject(with: Data(json.utf8))  // what is not JSON is no listing
    guard let listing = (parsed as? [String: Any])?["nftables"] as? [[String: Any]] else {
      throw Fault(
        .failed, operation: "read a table of nft", reason: "its listing is not the JSON of libnftables-json(5)",
        remedy: "run 'nft -j list ruleset' by hand to see what it says")
    }
    var objects: [String] = []
    var elements: [String: Set<String>] = [:]
    var counts: [String: Int] = [:]
    var handles: [Int] = []
    for entry in listing {
      guard let (kind, value) = entry.first, kind != "metainfo", var object = value as? [String: Any] else { continue }
      counts[kind, default: 0] += 1
      handles.append(object.removeValue(forKey: "handle") as? Int ?? 0)
      if kind == "counter" {
        object["packets"] = nil
        object["bytes"] = nil
      }
      if kind == "set", let name = object["name"] as? String, Self.changingSets.contains(name) {
        elements[name] = Set((object["elem"] as? [Any] ?? []).compactMap(Self.text))
        object["elem"] = nil
      }
      objects.append(try Self.canonical([kind: object]))
    }
    self.objects = objects
    interfaces = elements[FirewallTable.interfacesSet] ?? []
    sources = elements[FirewallTable.sourcesSet] ?? []
    cutOff = elements[FirewallTable.cutOffSet] ?? []
    self.handles = handles.sorted()
    chains = counts["chain"] ?? 0
    rules = counts["rule"] ?? 0
  }

  /// Characters of an object that are told.
  private static let longestExample = 200

  private static let changingSets =
    [FirewallTable.interfacesSet, FirewallTable.sourcesSet, FirewallTable.cutOffSet] + FirewallTable.packetSets

  /// What differs from the table as it ought to be, for an operator; `nil` when nothing does.
  func difference(from reference: TableListing) -> String? {
    if objects == reference.objects { return nil }
    let missing = reference.objects.filter { !objects.contains($0) }
    let added = objects.filter { !reference.objects.contains($0) }
    if let first = missing.first {
      return "\(missing.count) of its objects are missing or changed, first \(first.prefix(Self.longestExample))"
    }
    if let first = added.first {
      return "\(added.count) objects were added, first \(first.prefix(Self.longestExample))"
    }
    return "the order or number of its rules was changed"
  }

  private static func text(_ element: Any) -> String? {
    if let text = element as? String { return text }
    return ((element as? [String: Any])?["concat"] as? [String])?.joined(separator: " ")
  }

  private static func canonical(_ object: [String: Any]) throws -> String {
    let data = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
    return String(decoding: data, as: UTF8.self)
  }
}
