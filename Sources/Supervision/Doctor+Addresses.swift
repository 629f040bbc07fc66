import AgentModel
import ChildProcess
import NetworkIsolation

extension Doctor {
  /// The block that the instance takes its agents' addresses from must not be in use by anything else.
  func addressPlan() async -> Finding {
    let plan = AddressPlan(layout: layout)
    let routes: String
    do {
      routes = try await Command("ip", ["-4", "route", "show"]).check(timeout: .seconds(5))
    } catch {
      return .fail("addresses", "the routes cannot be read: \(error)", remedy: "install the package iproute2")
    }
    if let conflict = Self.conflict(routes: routes, plan: plan) {
      return .fail(
        "addresses", "\(plan.subnet) overlaps the route '\(conflict)'",
        remedy: "choose another --instance name: the addresses follow from it")
    }
    return .ok("addresses", "\(plan.subnet) is free for agents")
  }

  /// - Parameters:
  ///   - routes: lines of `ip -4 route show`.
  ///   - plan: the instance's addresses.
  /// - Returns: the first route inside or around the plan's block that is not to one of its own agents.
  static func conflict(routes: String, plan: AddressPlan) -> String? {
    for line in routes.split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      guard let destination = words.first, destination != "default",
        let block = CIDR(destination) ?? CIDR("\(destination)/32"),
        block.contains(plan.subnet) || plan.subnet.contains(block)
      else { continue }
      if let device = words.firstIndex(of: "dev"), device + 1 < words.count,
        plan.slot(interface: words[device + 1]) != nil
      {
        continue
      }
      return words.joined(separator: " ")
    }
    return nil
  }
}
