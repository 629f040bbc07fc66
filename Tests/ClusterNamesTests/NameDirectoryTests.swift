import AgentModel
import ClusterAgents
import Faults
import Foundation
import JSONValues
import KubernetesAPI
import NameResolution
import TestSupport
import Testing

@testable import ClusterNames

@Suite("The names of a cluster's agents") struct NameDirectoryTests {
  private typealias Example = ClusterExample

  @Test("lead each agent to its own gateway, and nobody else anywhere") func own() async {
    var cluster = await Example.running()
    #expect(cluster.answer(from: "10.1.0.1") == "10.96.1.1")
    #expect(cluster.answer("api.lobstack.internal", from: "10.1.0.1") == "10.96.1.1")
    #expect(cluster.answer("two.example.net", from: "10.1.0.1") == "refused-name")
    #expect(cluster.answer("two.example.net", from: "10.1.0.2") == "10.96.1.2")
    #expect(cluster.answer(from: "10.1.0.3") == "unknown-source")
    #expect(cluster.answer(from: "10.1.0.1", type: 28) == "empty")
  }

  @Test("are another agent's when its Pod has the address of one that has gone, ended, or is on its way out")
  func reused() async {
    let old = Example.pod("one", of: "one", at: "10.1.0.1")
    let new = Example.pod("two", of: "two", at: "10.1.0.1")
    for change in [
      ObjectChange.deleted(old), .changed(Example.pod("one", of: "one", at: "10.1.0.1", phase: "Succeeded")),
      .changed(Example.pod("one", of: "one", at: "10.1.0.1", phase: "Failed")),
      .changed(Example.pod("one", of: "one", at: "10.1.0.1", isLeaving: true)),
    ] {
      var cluster = await Example.running()
      await cluster.tell(.pods, change)
      await cluster.tell(.pods, .changed(new))
      #expect(cluster.answer(from: "10.1.0.1") == "refused-name")
      #expect(cluster.answer("two.example.net", from: "10.1.0.1") == "10.96.1.2")
      // Its own had been another.
      #expect(cluster.answer("two.example.net", from: "10.1.0.2") == "unknown-source")
      // What comes late of the old one changes nothing.
      await cluster.tell(.pods, .deleted(old))
      #expect(cluster.answer("two.example.net", from: "10.1.0.1") == "10.96.1.2")
    }
  }

  @Test("are nobody's at an address that two agents seem to have, until one of them is gone") func disputed() async {
    var cluster = await Example.running()
    await cluster.tell(.pods, .changed(Example.pod("two", of: "two", at: "10.1.0.1")))
    #expect(cluster.answer(from: "10.1.0.1") == "unknown-source")
    await cluster.tell(.pods, .deleted(Example.pod("two", of: "two", at: "10.1.0.1")))
    #expect(cluster.answer(from: "10.1.0.1") == "10.96.1.1")
    // Both on their way out: which of them still runs cannot be told.
    for name in ["one", "two"] {
      await cluster.tell(.pods, .changed(Example.pod(name, of: name, at: "10.1.0.1", isLeaving: true)))
    }
    #expect(cluster.answer(from: "10.1.0.1") == "unknown-source")
  }

  @Test("are those of all of an agent's Pods: one that ends, and the one in its place") func replaced() async {
    var cluster = await Example.running()
    await cluster.tell(.pods, .changed(Example.pod("one", of: "one", at: "10.1.0.1", isLeaving: true)))
    #expect(cluster.answer(from: "10.1.0.1") == "10.96.1.1")
    await cluster.tell(.pods, .changed(Example.pod("one-b", of: "one", at: nil, phase: "Pending")))
    await cluster.tell(.pods, .changed(Example.pod("one-b", of: "one", at: "10.1.0.9")))
    #expect(cluster.answer(from: "10.1.0.9") == "10.96.1.1" && cluster.answer(from: "10.1.0.1") == "10.96.1.1")
    await cluster.tell(.pods, .deleted(Example.pod("one", of: "one", at: "10.1.0.1")))
    #expect(cluster.answer(from: "10.1.0.1") == "unknown-source")
    #expect(cluster.answer(from: "10.1.0.9") == "10.96.1.1")
    // Of the same name, made anew before the end of the old one was told.
    await cluster.tell(.pods, .changed(Example.pod("one-b", of: "one", at: "10.1.0.10", uid: "later")))
    await cluster.tell(.pods, .deleted(Example.pod("one-b", of: "one", at: "10.1.0.9")))
    #expect(cluster.answer(from: "10.1.0.10") == "10.96.1.1" && cluster.answer(from: "10.1.0.9") == "unknown-source")
  }

  @Test("are none of a Pod that is left of another Agent of its name") func anotherOwner() async {
    var cluster = await Example.running()
    await cluster.tell(.pods, .changed(Example.pod("one", of: "one", at: "10.1.0.1", owner: "an earlier one")))
    #expect(cluster.answer(from: "10.1.0.1") == "unknown-source")
    await cluster.tell(.pods, .changed(Example.pod("one", of: "one", at: "10.1.0.1", owner: "uid-of-one")))
    #expect(cluster.answer(from: "10.1.0.1") == "10.96.1.1")
  }

  @Test("are none of a Pod in its node's network, in another namespace, or that says not whose it is")
  func notAnAgents() async {
    var cluster = await Example.running()
    await cluster.tell(
      .pods, .changed(Example.pod("host", of: "one", at: "192.0.2.1", spec: ["hostNetwork": true])))
    await cluster.tell(.pods, .changed(Example.pod("away", of: "one", at: "10.1.0.4", namespace: "elsewhere")))
    var nameless = Example.pod("nameless", of: "one", at: "10.1.0.5")
    nameless.labels["lobstack.dev/name"] = nil
    await cluster.tell(.pods, .changed(nameless))
    await cluster.tell(.agents, .changed(Example.agent("stray", namespace: "elsewhere")), in: "elsewhere")
    await cluster.tell(.pods, .changed(Example.pod("stray", of: "stray", at: "10.1.0.6", namespace: "elsewhere")))
    for address in ["192.0.2.1", "10.1.0.4", "10.1.0.5", "10.1.0.6"] {
      #expect(cluster.answer(from: address) == "unknown-source")
    }
  }

  @Test("lead nowhere yet while the gateway's Service has no address, and nowhere else by another Service")
  func noGateway() async {
    var cluster = await Example.running()
    await cluster.tell(.gateways, .deleted(Example.gateway(of: "one", at: "10.96.1.1")))
    #expect(cluster.answer(from: "10.1.0.1") == "not-ready")
    #expect(cluster.answer("evil.example.net", from: "10.1.0.1") == "refused-name")
    for service in [
      Example.gateway(of: "one", at: nil), Example.gateway(of: "one", at: "None"), Example.gateway(of: "one", at: ""),
      Example.gateway(of: "one", at: "fd00::1"), Example.gateway(of: "one", at: "10.96.1.7", name: "gateway-two"),
      Example.gateway(of: "one", at: "10.96.1.7", namespace: "elsewhere"),
    ] {
      await cluster.tell(.gateways, .changed(service))
      #expect(cluster.answer(from: "10.1.0.1") == "not-ready")
    }
    await cluster.tell(.gateways, .changed(Example.gateway(of: "one", at: "10.96.1.9")))
    #expect(cluster.answer(from: "10.1.0.1") == "10.96.1.9")
    let long = String(repeating: "long-", count: 12) + "one"
    await cluster.tell(.agents, .changed(Example.agent(long)))
    await cluster.tell(.pods, .changed(Example.pod("long", of: long, at: "10.1.0.8")))
    await cluster.tell(.gateways, .changed(Example.gateway(of: long, at: "10.96.1.8")))
    #expect(cluster.answer(from: "10.1.0.8") == "10.96.1.8")
  }

  @Test("follow the document; one that cannot be carried out changes nothing, and is told once") func document() async {
    var cluster = await Example.running()
    let changed = Example.agent("one", hosts: [["host": "*.example.org"]], generation: 2)
    await cluster.tell(.agents, .changed(changed))
    #expect(cluster.answer(from: "10.1.0.1") == "refused-name")
    #expect(cluster.answer("a.b.example.org", from: "10.1.0.1") == "10.96.1.1")
    let broken = Example.agent("one", hosts: [["host": "*"]], generation: 3)
    for _ in 0..<3 { await cluster.tell(.agents, .changed(broken)) }
    #expect(cluster.answer("a.b.example.org", from: "10.1.0.1") == "10.96.1.1")
    #expect(cluster.log.messages.count == 1)
    // Another Agent of the same name has nothing of what this one had.
    await cluster.tell(
      .agents, .changed(Example.agent("one", hosts: [["host": "*"]], uid: "later", generation: 1)))
    #expect(cluster.answer("a.b.example.org", from: "10.1.0.1") == "unknown-source")
    await cluster.tell(.agents, .deleted(Example.agent("one", uid: "later")))
    await cluster.tell(.agents, .changed(Example.agent("one")))
    #expect(cluster.answer(from: "10.1.0.1") == "10.96.1.1")
    await cluster.tell(.agents, .deleted(Example.agent("one")))
    #expect(cluster.answer(from: "10.1.0.1") == "unknown-source")
  }

  @Test("are those of what was accepted, when the document cannot be carried out and another was never seen")
  func accepted() async {
    var cluster = ClusterExample()
    func agent(_ accepted: String?) -> KubernetesObject {
      var agent = Example.agent("one", hosts: [["host": "*"]], generation: 7)
      if let accepted { agent.fields["status"] = ["accepted": .string(accepted)] }
      return agent
    }
    await cluster.tell(.agents, .replaced([agent(nil)]))
    await cluster.tell(.gateways, .replaced([Example.gateway(of: "one", at: "10.96.1.1")]))
    await cluster.tell(.pods, .replaced([Example.pod("one", of: "one", at: "10.1.0.1")]))
    #expect(cluster.answer(from: "10.1.0.1") == "unknown-source")
    let image = #""image":"docker://registry.example.com/team/agent:1.4""#
    for (accepted, answer) in [
      (#"{"labels":{},"spec":{\#(image),"egress":[{"host":"api.example.com"}]}}"#, "10.96.1.1"),
      (#"{"labels":{},"spec":{\#(image),"egress":[{"host":"two.example.net"}]}}"#, "refused-name"),
      // What is no document closes nothing that was open, and opens nothing.
      (#"{"labels":{},"spec":{\#(image),"egress":[{"host":"*"}]}}"#, "refused-name"), ("no JSON", "refused-name"),
    ] {
      await cluster.tell(.agents, .changed(agent(accepted)))
      #expect(cluster.answer(from: "10.1.0.1") == answer, "\(accepted)")
    }
    #expect(cluster.answer("two.example.net", from: "10.1.0.1") == "10.96.1.1")
  }

  @Test("end when a host does") func expires() async throws {
    var cluster = await Example.running()
    let end = Date.now.addingTimeInterval(3_600)
    let agent = Example.agent(
      "one",
      hosts: [["host": "api.example.com"], ["host": "soon.example.com", "expires": .string(end.ISO8601Format())]],
      generation: 2)
    await cluster.tell(.agents, .changed(agent))
    cluster.directory.expire(now: end.addingTimeInterval(-10))
    #expect(cluster.answer("soon.example.com", from: "10.1.0.1") == "10.96.1.1")
    cluster.directory.expire(now: end.addingTimeInterval(10))
    #expect(cluster.answer("soon.example.com", from: "10.1.0.1") == "refused-name")
    #expect(cluster.answer(from: "10.1.0.1") == "10.96.1.1")
  }

  @Test("are those of a new list and no others, in its namespace alone") func relisted() async {
    var cluster = await Example.running()
    let acme = "lobstack-agents-acme"
    await cluster.tell(.agents, .replaced([Example.agent("one", namespace: acme)]), in: acme)
    await cluster.tell(.gateways, .replaced([Example.gateway(of: "one", at: "10.96.2.1", namespace: acme)]), in: acme)
    await cluster.tell(.pods, .replaced([Example.pod("one", of: "one", at: "10.1.2.1", namespace: acme)]), in: acme)
    await cluster.tell(.pods, .replaced([Example.pod("two", of: "two", at: "10.1.0.2")]))
    #expect(cluster.answer(from: "10.1.0.1") == "unknown-source")
    #expect(cluster.answer("two.example.net", from: "10.1.0.2") == "10.96.1.2")
    #expect(cluster.answer(from: "10.1.2.1") == "10.96.2.1")
    #expect(cluster.directory.agent(at: IPv4Address(bits: 0x0a01_0201)).map { "\($0)" } == "acme/one")
    await cluster.tell(.agents, .replaced([]))
    await cluster.tell(.gateways, .replaced([]))
    #expect(cluster.answer("two.example.net", from: "10.1.0.2") == "unknown-source")
    let counts = cluster.directory.counts
    #expect(counts.agents == 1 && counts.gateways == 1 && counts.addresses == 2)
  }

  @Test("cost the resolver nothing when nothing has changed for it") func quiet() async {
    var cluster = await Example.running()
    #expect(cluster.answer(from: "10.1.0.1") == "10.96.1.1" && cluster.resolver.count == 2)
    var resolver = cluster.resolver
    await cluster.tell(.pods, .changed(Example.pod("one", of: "one", at: "10.1.0.1")))
    await cluster.tell(.agents, .changed(Example.agent("one")))
    await cluster.tell(.gateways, .changed(Example.gateway(of: "one", at: "10.96.1.1")))
    #expect(!cluster.directory.update(&resolver, now: 0, isUrgent: false))
    await cluster.tell(.pods, .interrupted(.init(.failed, operation: "", reason: "", remedy: "")))
    #expect(cluster.answer(from: "10.1.0.1") == "10.96.1.1")
  }
}
