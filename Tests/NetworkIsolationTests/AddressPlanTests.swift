import AgentModel
import Faults
import NetworkIsolation
import Testing

@Suite("The address plan")
struct AddressPlanTests {
  private let plan = AddressPlan(layout: InstanceLayout())

  @Test("gives each slot a /30 of the instance's /16 and names that fit the kernel")
  func slots() throws {
    let first = try plan.network(slot: 0)
    let last = try plan.network(slot: 16_382)
    #expect(first.agentAddress.hasSuffix(".0.2") && first.hostAddress.hasSuffix(".0.1"))
    #expect(last.agentAddress.hasSuffix(".255.250") && last.hostAddress.hasSuffix(".255.249"))
    #expect(plan.serviceAddress.hasSuffix(".255.253") && plan.serviceInterface.utf8.count <= 15)
    #expect(first.namespacePath == "/run/netns/lobstack-default-0")
    #expect(last.interface.utf8.count <= 15)
    #expect(throws: Fault.self) { try plan.network(slot: 16_383) }
    #expect(throws: Fault.self) { try plan.network(slot: -1) }
  }

  @Test("finds the slot of its own names and of no others")
  func names() throws {
    for slot in [0, 1, 255, 16_382] {
      let network = try plan.network(slot: slot)
      #expect(plan.slot(interface: network.interface) == slot)
      #expect(plan.slot(namespace: network.namespace) == slot)
      #expect(plan.agentAddress(interface: network.interface) == network.agentAddress)
    }
    let prefix = plan.interfacePrefix
    for name in [
      "eth0", prefix, plan.serviceInterface, "\(prefix)4000", "\(prefix)00", "\(prefix)A", "\(prefix)-1", "\(prefix)+1",
    ] {
      #expect(plan.slot(interface: name) == nil)
    }
    for name in ["lobstack-default-", "lobstack-default-x", "lobstack-default-1-5", "lobstack-default-01", "other-1"] {
      #expect(plan.slot(namespace: name) == nil)
    }
  }
}

@Suite("An address range")
struct CIDRTests {
  @Test("is read and written", arguments: ["0.0.0.0/0", "10.0.0.0/8", "192.0.2.7/32", "::/0", "fc00::/7", "::1/128"])
  func reads(text: String) throws {
    #expect(CIDR(text)?.description == text)
  }

  @Test(
    "is refused when malformed or with bits behind the prefix",
    arguments: [
      "", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "10.0.0/8", "::/129", "fc00::1/7", "1.2.3.4/-1",
      "1.2.3.4/+32", "10.0.0.0/8/8", "10.0.0.0/8; drop", "example.com/8",
    ])
  func refuses(text: String) {
    #expect(CIDR(text) == nil)
  }

  @Test("contains what lies in it")
  func contains() throws {
    let wide = try #require(CIDR("10.0.0.0/8"))
    #expect(wide.contains(try #require(CIDR("10.255.0.0/16"))))
    #expect(wide.contains(wide))
    #expect(!wide.contains(try #require(CIDR("11.0.0.0/16"))))
    #expect(!wide.contains(try #require(CIDR("0.0.0.0/0"))))
    #expect(!wide.contains(try #require(CIDR("::/0"))))
  }
}
