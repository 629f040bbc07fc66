import AgentModel
import ChildProcess
import Foundation

/// What the firewall of a platform has counted since its table was made.
struct FirewallCounters: Sendable {
  let layout: InstanceLayout

  var table: String { "lobstack_" + layout.instance.description.replacing("-", with: "_") }

  /// Packets that were dropped.
  func total() async throws -> Int {
    let text = try await Command("nft", ["-j", "list", "table", "inet", table]).check()
    return try packets(in: JSONSerialization.jsonObject(with: Data(text.utf8)))
  }

  /// Packets of one rule.
  func packets(of rule: String) async throws -> Int {
    let text = try await Command("nft", ["-j", "list", "counter", "inet", table, rule]).check()
    return try packets(in: JSONSerialization.jsonObject(with: Data(text.utf8)))
  }

  /// The sum of every counter in a listing, wherever it stands.
  private func packets(in value: Any) -> Int {
    if let list = value as? [Any] { return list.reduce(0) { $0 + packets(in: $1) } }
    guard let object = value as? [String: Any] else { return 0 }
    return (object["packets"] as? Int ?? 0) + object.values.reduce(0) { $0 + packets(in: $1) }
  }
}
