import AgentModel
import Blueprint
import Documents
import Foundation
import JSONValues
import KubernetesRendering
import NetworkIsolation
import Proxy
import Testing

/// The same flows on one machine and on a cluster: what the firewall compiles, and what the NetworkPolicies mean.
@Suite("A policy means the same on one machine and on a cluster") struct PolicyEquivalenceTests {
  enum End: Hashable, Sendable {
    case agent, otherAgent
    /// Through which the agent speaks to the outside: the node proxy, or the agent's gateway.
    case proxy
    /// The agents' name server.
    case names
    /// Which the proxy itself asks.
    case resolver
    /// A process of the machine, or a Pod of another namespace.
    case stranger
    case address(String)
  }

  struct Flow: CustomTestStringConvertible {
    var (from, to): (End, End)
    var port: UInt16
    var transport = "tcp"
    var passes: Bool

    init(_ from: End, _ to: End, _ port: UInt16, _ transport: String = "tcp", _ passes: Bool = false) {
      (self.from, self.to, self.port, self.transport, self.passes) = (from, to, port, transport, passes)
    }

    var testDescription: String { "\(from) to \(to), \(transport) \(port)" }
  }

  private static let closedAddresses = [
    "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "127.0.0.1", "198.18.0.1", "224.0.0.251",
    "255.255.255.255", "0.0.0.0", "fe80::1", "fd00::1", "::1", "ff02::1", "2002:a00:1::1", "64:ff9b::a01:203",
  ]

  static let flows: [Flow] =
    [
      // What an agent may, all by way of its proxy.
      Flow(.agent, .proxy, 80, "tcp", true), Flow(.agent, .proxy, 443, "tcp", true),
      Flow(.agent, .names, 53, "udp", true), Flow(.agent, .names, 53, "tcp", true),
      Flow(.proxy, .agent, 8080, "tcp", true), Flow(.proxy, .agent, 8765, "tcp", true),
      Flow(.proxy, .address("1.1.1.1"), 443, "tcp", true), Flow(.proxy, .address("2606:4700::1"), 443, "tcp", true),
      Flow(.proxy, .resolver, 53, "udp", true), Flow(.proxy, .resolver, 53, "tcp", true),
      // NET 1, NET 2: nobody reaches an agent but its gateway, and no agent reaches another.
      Flow(.otherAgent, .agent, 8080), Flow(.stranger, .agent, 8080), Flow(.stranger, .agent, 22),
      Flow(.agent, .otherAgent, 8080), Flow(.agent, .otherAgent, 443), Flow(.proxy, .agent, 22),
      Flow(.proxy, .agent, 8080, "udp"),
      // NET 3: not even an allowed host, other than through the proxy; of the proxy two ports.
      Flow(.agent, .address("1.1.1.1"), 443), Flow(.agent, .address("1.1.1.1"), 80),
      Flow(.agent, .address("1.1.1.1"), 22), Flow(.agent, .stranger, 8080), Flow(.agent, .proxy, 22),
      Flow(.agent, .proxy, 8080), Flow(.agent, .proxy, 15081), Flow(.agent, .proxy, 15082),
      Flow(.proxy, .address("1.1.1.1"), 80), Flow(.proxy, .address("1.1.1.1"), 22),
      Flow(.proxy, .address("1.1.1.1"), 8443),
      // NET 5: DNS goes nowhere but to the platform's own server.
      Flow(.agent, .address("9.9.9.9"), 53, "udp"), Flow(.agent, .address("9.9.9.9"), 53, "tcp"),
      Flow(.agent, .address("9.9.9.9"), 853), Flow(.agent, .names, 853), Flow(.agent, .names, 9153),
      Flow(.agent, .resolver, 53, "udp"), Flow(.proxy, .address("9.9.9.9"), 53, "udp"),
      Flow(.proxy, .address("9.9.9.9"), 53, "tcp"),
      // NET 6: IPv6, QUIC, ICMP.
      Flow(.agent, .address("2606:4700::1"), 443), Flow(.agent, .proxy, 443, "udp"),
      Flow(.agent, .address("1.1.1.1"), 443, "udp"), Flow(.proxy, .address("1.1.1.1"), 443, "udp"),
      Flow(.agent, .address("1.1.1.1"), 0, "icmp"), Flow(.proxy, .address("2606:4700::1"), 80),
    ]
    // NET 4: whatever name resolved to it.
    + closedAddresses.flatMap { address in
      [Flow(.agent, .address(address), 443), Flow(.agent, .address(address), 80), Flow(.proxy, .address(address), 443)]
    }

  private static let machine = Result { try Machine() }
  private static let cluster = Result { try Cluster() }
  private static let lean = Result { try Cluster("{profile: lean, tenants: {default: , acme: }}") }

  @Test("for each flow", arguments: flows) func flow(_ flow: Flow) throws {
    #expect(try Self.machine.get().passes(flow) == flow.passes, "on one machine")
    #expect(try Self.cluster.get().passes(flow) == flow.passes, "on a cluster")
  }

  @Test("and a rule that opens more is seen on either") func tooWide() throws {
    let flow = Flow(.agent, .proxy, 8080)
    let cluster = try Self.cluster.get()
    let open = NetworkPolicy(
      metadata: ObjectMeta(name: "open", namespace: "lobstack-agents-acme"),
      spec: NetworkPolicySpec(
        podSelector: LabelSelector(), policyTypes: [.ingress, .egress], ingress: [IngressRule()],
        egress: [EgressRule()]))
    #expect(Cluster(cluster, adding: open).passes(flow))
    #expect(try Machine { $0.replacing("goto deny_host", with: "accept") }.passes(flow))
    #expect(throws: CompiledFirewall.Unknown.self) {
      try Machine { $0.replacing("goto deny_host", with: "queue") }.passes(flow)
    }
  }

  @Test(
    "and a cluster joins each agent to its own gateway alone, and that to the way in alone", arguments: [false, true])
  func gateways(isLean: Bool) throws {
    let cluster = try (isLean ? Self.lean : Self.cluster).get()
    func passes(_ from: ClusterNetwork.Place, _ to: ClusterNetwork.Place, _ port: UInt16) -> Bool {
      cluster.network.allows(from, to: to, port: port, over: "tcp")
    }
    let (ingress, controlPlane) = (cluster.platform("agent-ingress"), cluster.platform("control-plane"))
    for port: UInt16 in [15080, 15443, 15081, 15082, 8080, 8443] {
      #expect(!passes(cluster.agent("two"), cluster.gateway("one"), port))
      #expect(!passes(cluster.gateway("two"), cluster.agent("one"), port))
      #expect(!passes(cluster.gateway("two"), cluster.gateway("one"), port))
      for other in [cluster.place(.stranger), controlPlane, cluster.publicGateway, cluster.platform("operator")] {
        #expect(!passes(other, cluster.gateway("one"), port) && !passes(other, cluster.agent("one"), port))
      }
      #expect(passes(ingress, cluster.gateway("one"), port) == (port == 15081))
      #expect(!passes(ingress, cluster.agent("one"), port))
      #expect(passes(ingress, controlPlane, port) == (port == 8443))
      for own in [cluster.agent("one"), cluster.gateway("one")] { #expect(!passes(own, ingress, port)) }
      // Without a mesh a cluster has its own way in, from wherever that is.
      #expect(passes(cluster.place(.stranger), ingress, port) == (isLean && port == 8443))
      #expect(passes(cluster.publicGateway, ingress, port) == (port == 8443))
    }
    for address in ["10.96.0.1", "1.1.1.1", "169.254.169.254"] {
      let place = ClusterNetwork.Place(address: address)
      for port: UInt16 in [443, 15081] {
        for from in [cluster.agent("one"), ingress] { #expect(!passes(from, place, port)) }
      }
    }
    #expect(!passes(cluster.gateway("one"), ClusterNetwork.Place(address: "10.96.0.1"), 443))
  }

  @Test("and no policy opens anything for an agent that is quarantined, in either direction", arguments: flows)
  func quarantined(_ flow: Flow) throws {
    let cluster = try Self.cluster.get()
    func place(_ end: End) -> ClusterNetwork.Place {
      var place = cluster.place(end)
      if end == .agent { place.labels["lobstack.dev/quarantine"] = "true" }
      return place
    }
    guard flow.from == .agent || flow.to == .agent else { return }
    for port: UInt16 in [flow.port, 15080, 15443, 5353, 8080] {
      #expect(!cluster.network.allows(place(flow.from), to: place(flow.to), port: port, over: flow.transport))
    }
  }

  // MARK: Who may come in

  /// The identities of one machine, and whether they may speak to an agent's ports.
  @Test(
    "for each identity at an agent's ports",
    arguments: [
      ("spiffe://lobstack.local/ns/system/gateway", true), ("spiffe://lobstack.local/ns/system/control-plane", false),
      ("spiffe://lobstack.local/ns/system/proxy", false), ("spiffe://lobstack.local/ns/acme/agent/one", false),
      ("spiffe://lobstack.local/ns/acme/agent/two", false), ("spiffe://lobstack.local/ns/system/agent/gateway", false),
      ("spiffe://evil.test/ns/system/gateway", false),
    ])
  func identity(_ text: String, passes: Bool) throws {
    let id = try #require(SPIFFEID(text))
    let layout = NodeProxyLayout(
      files: EnvoyFiles(directory: "/p"), adminSocket: "", denialLog: "", serviceAddress: "", apiSocket: "",
      ingressSocket: "")
    let mesh = NodeProxyState.Mesh(identity: WorkloadCertificate(chain: "", privateKey: ""), roots: "")
    let listeners = NodeProxy(layout: layout).files(NodeProxyState(mesh: mesh)).first { $0.source == .listeners }
    let ingress = try #require(listeners?.resources.first { $0.text.contains("\"name\":\"ingress\"") }).text
    #expect(ingress.contains("\"principal_name\":{\"exact\":\"\(text)\"}") == passes, "on one machine")

    let values = try AgentExample.values("trustDomain: mesh.example.com\ntenants: {acme: , system: }")
    let objects = try AgentExample.manifests(try AgentExample.agent(), values: values).objects
    let rules = objects.compactMap { $0 as? AuthorizationPolicy }.flatMap(\.spec.rules)
    // The gateway of one machine is two programs on a cluster: that by which the world comes in has no way to agents.
    let principal = id.trustDomain == .default ? values.caller(id) : "\(id.trustDomain)\(id.path)"
    #expect(
      !rules.contains { $0.from?.contains { $0.source.principals.contains { $0.hasSuffix("/gateway") } } == true })
    for port in ["15081", "15080", "8080", "80"] {
      let allowed = rules.contains { rule in
        rule.from?.contains { $0.source.principals.contains(principal ?? "nobody") } == true
          && rule.to?.contains { $0.operation.ports?.contains(port) == true } == true
      }
      #expect(allowed == (passes && port == "15081"), "on a cluster, port \(port)")
    }
    #expect(rules.allSatisfy { $0.from != nil && $0.to != nil } && rules.count == 1)
  }
}

extension PolicyEquivalenceTests {
  /// An instance with the agents one and two, whose firewall is made of the policy.
  private struct Machine {
    private static let resolver = "10.9.9.9"
    let firewall: CompiledFirewall
    let plan: AddressPlan
    let (one, two): (AgentNetwork, AgentNetwork)
    let proxyUser: UInt32

    init(changing change: (String) -> String = { $0 }) throws {
      let layout = InstanceLayout(instance: try #require(InstanceName("flows")))
      plan = AddressPlan(layout: layout)
      (one, two) = (try plan.network(slot: 1), try plan.network(slot: 2))
      proxyUser = layout.proxyUserID
      let table = try FirewallTable(
        layout: layout, deniedDestinations: try AgentExample.policy().deniedDestinations, resolvers: [Self.resolver])
      firewall = CompiledFirewall(
        change(table.text(agents: [one, two])),
        local: [plan.serviceAddress, one.hostAddress, two.hostAddress, "203.0.113.9", "127.0.0.1", "::1"])
    }

    private func address(_ end: End) -> String {
      switch end {
      case .agent: one.agentAddress
      case .otherAgent: two.agentAddress
      case .proxy, .names: plan.serviceAddress
      case .resolver: Self.resolver
      case .stranger: "203.0.113.9"
      case .address(let address): address
      }
    }

    func passes(_ flow: Flow) throws -> Bool {
      var packet = CompiledFirewall.Packet(
        source: address(flow.from), destination: address(flow.to), port: flow.port, transport: flow.transport)
      switch flow.from {
      case .agent: packet.incoming = one.interface
      case .otherAgent: packet.incoming = two.interface
      case .proxy: packet.user = proxyUser
      default: packet.user = 1000
      }
      packet.outgoing = [.agent: one.interface, .otherAgent: two.interface][flow.to] ?? "eth0"
      // A packet that is led elsewhere has not come to where it was sent.
      return try firewall.delivered(packet)?.destination == packet.destination
    }
  }

  /// A cluster with the same agents.
  private struct Cluster {
    private(set) var network: ClusterNetwork
    let values: Values

    init(_ text: String = "tenants: {default: , acme: }") throws {
      values = try AgentExample.values(text)
      let values = values
      let platform = try AgentExample.platformObjects(values)
      let agents = try ["one", "two"].flatMap {
        try AgentExample.manifests(try AgentExample.agent($0), values: values).objects
      }
      let namespaces = platform.filter { $0.kind == "Namespace" }.map { ($0.metadata.name, $0.metadata.labels ?? [:]) }
      network = ClusterNetwork(
        policies: (platform + agents).compactMap { $0 as? NetworkPolicy },
        namespaces: Dictionary(namespaces) { first, _ in first })
    }

    init(_ other: Cluster, adding policy: NetworkPolicy) {
      values = other.values
      network = other.network
      network.policies.append(policy)
    }

    private func pod(_ address: String, _ namespace: String, _ labels: [String: String]) -> ClusterNetwork.Place {
      ClusterNetwork.Place(address: address, namespace: namespace, labels: labels)
    }

    func agent(_ name: String) -> ClusterNetwork.Place {
      pod("10.244.0.1", "lobstack-agents-acme", ["lobstack.dev/agent": "true", "lobstack.dev/name": name])
    }

    func gateway(_ name: String) -> ClusterNetwork.Place {
      pod("10.244.0.2", "lobstack-agents-acme", ["lobstack.dev/gateway-of": name, "lobstack.dev/name": name])
    }

    var publicGateway: ClusterNetwork.Place {
      pod(
        "10.244.0.3", "lobstack-ingress",
        ["app.kubernetes.io/name": "gateway", "app.kubernetes.io/part-of": "lobstack"])
    }

    /// A program in the namespace of the control plane.
    func platform(_ name: String) -> ClusterNetwork.Place {
      pod(
        "10.244.0.7", "lobstack-control-plane",
        ["app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "lobstack"])
    }

    func place(_ end: End) -> ClusterNetwork.Place {
      switch end {
      case .agent: agent("one")
      case .otherAgent: agent("two")
      case .proxy: gateway("one")
      case .names:
        pod(
          "10.244.0.4", "lobstack-control-plane",
          ["app.kubernetes.io/name": "name-server", "app.kubernetes.io/part-of": "lobstack"])
      case .resolver: pod("10.244.0.5", "kube-system", ["k8s-app": "kube-dns"])
      case .stranger: pod("10.244.0.6", "elsewhere", ["lobstack.dev/gateway-of": "one"])
      case .address(let address): ClusterNetwork.Place(address: address)
      }
    }

    /// NetworkPolicies see a Service's packets after their port was changed to the Pod's.
    private func port(_ flow: Flow) -> UInt16 {
      switch (flow.to, flow.port) {
      case (.proxy, 80): 15080
      case (.proxy, 443): 15443
      case (.names, 53): 5353
      default: flow.port
      }
    }

    func passes(_ flow: Flow) -> Bool {
      network.allows(place(flow.from), to: place(flow.to), port: port(flow), over: flow.transport)
    }
  }
}
