import AgentModel
import NetworkIsolation
import Testing

@Suite("The address plan") struct AddressPlanTests {
  let plan = AddressPlan(layout: InstanceLayout())

  @Test("gives every slot addresses of its own") func slots() throws {
    let first = try plan.network(slot: 0)
    let last = try plan.network(slot: 16_383)
    #expect(first.hostAddress != last.hostAddress)
    #expect(first.agentAddress != last.agentAddress)
    #expect(throws: (any Error).self) { try plan.network(slot: 16_384) }
    #expect(throws: (any Error).self) { try plan.network(slot: -1) }
  }

  @Test("keeps interface names within the kernel's limit") func names() throws {
    #expect(try plan.network(slot: 16_383).interface.utf8.count <= 15)
  }
}
