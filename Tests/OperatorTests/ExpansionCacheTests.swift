import AgentModel
import Blueprint
import ClusterAgents
import Faults
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Synchronization
import Testing

@testable import Operator

@Suite("What Agents become is kept") struct ExpansionCacheTests {
  private let made: Made
  private let cache: ExpansionCache

  /// Counts how often an Agent's objects were made.
  private final class Made: Sendable {
    let count = Mutex(0)
  }

  init() throws {
    let made = Made()
    self.made = made
    var values = Values()
    values.profile = .lean
    let gateway = GatewayConfiguration(
      arguments: [],
      files: { agent, _ in
        made.count.withLock { $0 += 1 }
        return ["envoy.json": "\(agent.spec.egress.count)"]
      })
    cache = ExpansionCache(
      Expander(values: values, policy: try Policy.load(directory: OperatorWorld.policyDirectory), gateway: gateway))
  }

  private var count: Int { made.count.withLock { $0 } }

  private func agent(
    _ name: String, generation: Int = 1, uid: String = "u", host: String = "api.example.com", accepted: String? = nil
  ) -> AgentObject {
    var fields: [String: JSON] = [
      "apiVersion": "lobstack.dev/v1", "kind": "Agent",
      "metadata": [
        "name": .string(name), "namespace": .string(OperatorWorld.namespace), "uid": .string(uid),
        "generation": .int(generation),
      ],
      "spec": ["image": "docker://r.example.com/t/a:1", "egress": [["host": .string(host)]]],
    ]
    if let accepted { fields["status"] = ["accepted": .string(accepted)] }
    return AgentObject(object: KubernetesObject(fields: fields))
  }

  @Test("once, for all its objects and for looking at it") func once() throws {
    let bot = agent("bot")
    let expansion = try cache.inForce(bot)
    #expect(expansion.surroundings.count > 5)
    for item in expansion.surroundings + [expansion.pod] {
      #expect(cache.item(item.id, of: bot)?.digest == item.digest)
    }
    #expect(cache.item(OwnedID(kind: "Pod", name: "another"), of: bot) == nil)
    #expect(count == 1)
  }

  @Test("until it is another: of another generation, or another of its name") func changes() throws {
    _ = try cache.inForce(agent("bot"))
    _ = try cache.inForce(agent("bot", generation: 2))
    _ = try cache.inForce(agent("bot", generation: 2, uid: "later"))
    #expect(count == 3)
    _ = try cache.inForce(agent("bot", generation: 2, uid: "later"))
    #expect(count == 3)
  }

  @Test("not when it cannot be carried out, and by what was accepted as long as that is the same") func refused() throws
  {
    let fault = #expect(throws: Fault.self) { try cache.inForce(agent("bot", host: "*")) }
    #expect(
      fault?.code == .invalid && cache.item(OwnedID(kind: "Pod", name: "bot"), of: agent("bot", host: "*")) == nil)
    let first = try #require(agent("bot").document)
    #expect(try cache.inForce(agent("bot", host: "*", accepted: first)).agent.spec.egress.count == 1)
    let before = count
    #expect(try cache.inForce(agent("bot", host: "*", accepted: first)).refusal != nil && count == before)
    let second = try #require(agent("bot", host: "two.example.net").document)
    #expect(try cache.inForce(agent("bot", host: "*", accepted: second)).refusal != nil && count == before + 1)
  }

  @Test("of the last ones, in bounded room") func bounds() throws {
    let all = (0..<ExpansionCache.generation * 2 + 1).map { agent("a\($0)") }
    for agent in all { _ = try cache.inForce(agent) }
    #expect(count == all.count)
    for agent in all.suffix(ExpansionCache.generation) { _ = try cache.inForce(agent) }
    #expect(count == all.count)
    _ = try cache.inForce(all[0])
    #expect(count == all.count + 1)
  }
}
