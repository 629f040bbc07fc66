import AgentModel
import ChildProcess
import Faults
import FoundationEssentials

/// A route as `ip -j route` prints it.
private struct Route: Decodable {
  var dst: String
  var dev: String?

  /// `nil` for the default route, which every other route overrides.
  var range: CIDR? { dst.contains("/") ? CIDR(dst) : CIDR("\(dst)/32") }
}

extension NetworkIsolation {
  /// Finds who else uses the instance's range or names. Local addresses show as routes of table `local`.
  ///
  /// - Throws: `Fault(.conflict)`.
  func refuseConflicts() async throws {
    let operation = "isolate the network of instance \(plan.instance)"
    let remedy = "choose another instance name, which has another range (lobstack up --instance NAME)"
    for name in try await firewall.tables() where name != table.name {
      guard let other = FirewallTable.instance(ofTable: name) else { continue }
      guard AddressPlan(layout: InstanceLayout(instance: other)).subnet == plan.subnet else { continue }
      throw Fault(
        .conflict, operation: operation, reason: "instance \(other) uses the same range \(plan.subnet)", remedy: remedy)
    }
    let ours = links.interfaces().map(\.name).filter(isOurName)
    if let foreign = ours.first(where: { !links.isOurs(interface: $0) }) {
      throw Fault(
        .conflict, operation: operation,
        reason: "interface \(foreign) has a name of this instance but belongs to '\(links.alias(of: foreign) ?? "")'",
        remedy: remedy)
    }
    let json = try await Command("ip", ["-4", "-j", "route", "show", "table", "all"]).check(timeout: .seconds(30))
    let routes = try JSONDecoder().decode([Route].self, from: Data((json.isEmpty ? "[]" : json).utf8))
    for route in routes {
      guard let range = route.range, range.overlaps(plan.subnet) else { continue }
      if let interface = route.dev, isOurName(interface) { continue }
      throw Fault(
        .conflict, operation: operation,
        reason: "its range \(plan.subnet) overlaps the machine's route or address \(route.dst)"
          + (route.dev.map { " on \($0)" } ?? ""),
        remedy: "\(remedy), or remove that route")
    }
  }
  private func isOurName(_ interface: String) -> Bool {
    plan.slot(interface: interface) != nil || interface == plan.serviceInterface
  }
}
