import NetworkIsolation

extension Doctor {
  /// The block that the instance takes its agents' addresses from must not be in use by anything else.
  func addressPlan() async -> Finding {
    let plan = AddressPlan(layout: layout)
    do {
      guard let conflict = try await plan.conflict() else {
        return .ok("addresses", "\(plan.subnet) is free for agents")
      }
      return .fail(
        "addresses", "\(plan.subnet) overlaps \(conflict)",
        remedy: "choose another --instance name: the addresses follow from it")
    } catch {
      return .fail("addresses", "the routes cannot be read: \(error)", remedy: "install the package iproute2")
    }
  }
}
