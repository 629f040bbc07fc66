import Faults
import Foundation

/// What `nft -j list table` tells, made comparable: without handles and counts, the agents' elements apart.
struct FirewallListing: Hashable, Sendable {
  /// Everything that must not differ between two installations of the same table.
  var rules: [String]
  /// `interface . address` of every agent that may send.
  var sources: Set<String>
  /// Packets dropped so far, by reason.
  var drops: [String: Int]

  /// - Throws: `Fault(.failed)` when the text is not nft's JSON.
  init(json: String) throws {
    guard let document = try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any],
      let objects = document["nftables"] as? [[String: Any]]
    else {
      throw Fault(
        .failed, operation: "read the firewall", reason: "nft's answer is not understood",
        remedy: "check the version of nft")
    }
    rules = []
    sources = []
    drops = [:]
    for object in objects {
      guard let (kind, value) = object.first, var fields = value as? [String: Any], kind != "metainfo" else { continue }
      fields["handle"] = nil
      if kind == "counter", let name = fields["name"] as? String {
        drops[name] = fields["packets"] as? Int
        fields["packets"] = nil
        fields["bytes"] = nil
      }
      if kind == "set", fields["name"] as? String == FirewallTable.sources {
        sources = Set(Self.concatenations(fields["elem"]))
        fields["elem"] = nil
      }
      rules.append(try Self.canonical(kind, fields))
    }
  }

  private static func concatenations(_ elements: Any?) -> [String] {
    (elements as? [[String: Any]] ?? []).compactMap { element in
      (element["concat"] as? [String])?.joined(separator: " . ")
    }
  }

  private static func canonical(_ kind: String, _ fields: [String: Any]) throws -> String {
    let data = try JSONSerialization.data(withJSONObject: fields, options: [.sortedKeys])
    return "\(kind) \(String(decoding: data, as: UTF8.self))"
  }
}
