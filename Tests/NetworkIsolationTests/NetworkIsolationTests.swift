import AgentModel
import NetworkIsolation
import Testing

@Suite("An IPv4 block") struct IPv4BlockTests {
  @Test("is printed as it was written", arguments: ["10.0.0.0/8", "0.0.0.0/0", "192.0.2.1/32"])
  func accepts(text: String) { #expect(IPv4Block(text)?.description == text) }

  @Test(
    "is refused when it is none", arguments: ["10.0.0.1/8", "10.0.0.0/33", "10.0.0/8", "10.0.0.00/8", "", "/8", "a/8"])
  func refuses(text: String) { #expect(IPv4Block(text) == nil) }

  @Test("knows what it shares with another") func overlaps() throws {
    let ten = try #require(IPv4Block("10.0.0.0/8"))
    #expect(ten.overlaps(try #require(IPv4Block("10.88.0.0/16"))))
    #expect(try #require(IPv4Block("0.0.0.0/0")).overlaps(ten))
    #expect(!ten.overlaps(try #require(IPv4Block("11.0.0.0/8"))))
  }
}

@Suite("The address plan") struct AddressPlanTests {
  let plan = AddressPlan(layout: InstanceLayout())

  @Test("gives every slot its own four addresses within the instance's block") func slots() throws {
    let first = try plan.network(slot: 0)
    let last = try plan.network(slot: 16_383)
    #expect(first.hostAddress != last.hostAddress)
    let address = try #require(IPv4Address(last.agentAddress))
    #expect(plan.block.overlaps(IPv4Block(base: address, prefixLength: 32)))
    #expect(throws: (any Error).self) { try plan.network(slot: 16_384) }
    #expect(throws: (any Error).self) { try plan.network(slot: -1) }
  }

  @Test("keeps interface names within the kernel's limit") func names() throws {
    #expect(try plan.network(slot: 16_383).interface.utf8.count <= 15)
  }
}
