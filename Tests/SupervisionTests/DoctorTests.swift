import AgentModel
import NetworkIsolation
import Testing

@testable import Supervision

@Suite("The doctor") struct DoctorTests {
  @Test(
    "knows which kernels can hold agents",
    arguments: [
      ("6.18.44", Finding.Level.ok), ("5.4.0-1", .ok), ("5.3.18", .fail), ("4.19.0", .fail), ("strange", .warn),
    ])
  func kernels(release: String, level: Finding.Level) {
    #expect(Doctor.kernel(release: release).level == level)
  }

  @Test(
    "finds a route that overlaps the addresses of the agents",
    arguments: [
      "10.64.3.0/24 dev docker0 proto kernel scope link src 10.64.3.1", "10.0.0.0/8 via 192.0.2.1 dev eth0",
      "10.64.0.9 dev eth1 scope link",
    ])
  func conflict(route: String) throws {
    let plan = try plan(second: 64)
    #expect(plan.conflict(routes: "default via 192.0.2.1 dev eth0\n\(route)\n") == route)
  }

  @Test("is content with other routes, and with those to the instance's own agents") func noConflict() throws {
    let plan = try plan(second: 64)
    let own = try plan.network(slot: 1).interface
    let routes = """
      default via 192.0.2.1 dev eth0
      10.65.0.0/16 dev other proto kernel
      10.64.0.4/30 dev \(own) proto kernel scope link src 10.64.0.5
      192.0.2.0/24 dev eth0
      """
    #expect(plan.conflict(routes: routes) == nil)
  }

  @Test("finds nothing left of an instance that never was", .enabled(if: rootTests)) func nothingLeft() async throws {
    let layout = InstanceLayout(stateDirectory: "/nonexistent", instance: try #require(InstanceName("never-was")))
    #expect(try await Leftovers(layout).find() == [])
  }

  @Test("finds another instance with the same addresses by its firewall, and not itself") func sameBlock() throws {
    let (one, other) = (try plan(second: 64), try plan(second: 65))
    let names = (0..<2_000).compactMap { InstanceName("n\($0)") }
    let twin = try #require(names.first { AddressPlan(layout: InstanceLayout(instance: $0)).subnet == one.subnet })
    let tables = "table inet filter\ntable inet lobstack_\(twin)\n"
    #expect(one.conflict(tables: tables) == twin)
    #expect(other.conflict(tables: tables) == nil)
    #expect(AddressPlan(layout: InstanceLayout(instance: twin)).conflict(tables: tables) == nil)
  }

  /// An instance whose addresses are 10.`second`.0.0/16.
  private func plan(second: Int) throws -> AddressPlan {
    let names = (0..<2_000).compactMap { InstanceName("i\($0)") }
    let name = try #require(names.first { Int(InstanceLayout(instance: $0).number) % 128 == second - 64 })
    return AddressPlan(layout: InstanceLayout(instance: name))
  }
}
