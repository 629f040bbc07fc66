import Faults
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Verification

/// What the attackers knock at. Both get the same list.
struct AttackTargets: Hashable, Sendable {
  var listener: String
  var listener6: String?
  var victim: String
  /// Of the Service of its gateway; `nil` when it has none.
  var victimGateway: String?
  var nodes: [String] = []
  /// The API server's Service.
  var api: String
  /// The cluster's own name server; `nil` when it is not found.
  var clusterNames: String?
  /// The agents'.
  var agentNames: String
  var outside: String

  /// Reserved for examples (RFC 2606), and there.
  static let allowedHost = "example.com"
  static let otherHost = "example.net"
  /// A name that every cluster has, and no agent may know.
  static let clusterName = "kubernetes.default.svc.cluster.local"
  static let metadata = "169.254.169.254"

  static func find(_ site: ClusterSite, listener: Stage.Actor, victim: Stage.Actor) async throws -> AttackTargets {
    let api = try await site.client.get(.services, "kubernetes", namespace: "default")
    var names: String?
    do {
      names = try await site.client.get(.services, "kube-dns", namespace: "kube-system")["spec", "clusterIP"]?.string
    } catch let fault as Fault where fault.code == .notFound {}
    var gateway: String?
    do {
      gateway = try await site.client.get(.services, "gateway-\(victim.pod.name)", namespace: site.namespace)[
        "spec", "clusterIP"]?.string
    } catch let fault as Fault where fault.code == .notFound {}
    return AttackTargets(
      listener: listener.address, listener6: listener.address6, victim: victim.address, victimGateway: gateway,
      api: api["spec", "clusterIP"]?.string ?? "", clusterNames: names, agentNames: site.values.network.nameServer,
      outside: site.outside)
  }

  var knocks: [ProbePlan.Knock] {
    typealias Knock = ProbePlan.Knock
    let port = ProbePods.port
    let question = NameQuery(name: Self.clusterName, id: 0x4c42)
    var knocks = [
      Knock("listener.tcp", .tcp, listener, port), Knock("listener.udp", .udp, listener, port),
      Knock("listener.icmp", .icmp, listener), Knock("victim.tcp", .tcp, victim, port),
      Knock("victim.udp", .udp, victim, port), Knock("api", .tcp, api, 443),
      Knock("metadata", .tcp, Self.metadata, 80), Knock("outside.443", .tcp, outside, 443),
      Knock("outside.80", .tcp, outside, 80),
      Knock("outside.dns", .udp, outside, 53, payload: question.bytes),
      Knock("names.other", .udp, agentNames, 53, payload: question.bytes),
      Knock(
        "names.allowed", .udp, agentNames, 53, payload: NameQuery(name: Self.allowedHost, id: 0x4c43).bytes),
      Knock(
        "gateway.allowed", .tcp, "answer:names.allowed", 443, payload: ClientHello(serverName: Self.allowedHost).bytes),
      Knock("gateway.other", .tcp, "answer:names.allowed", 443, payload: ClientHello(serverName: Self.otherHost).bytes),
    ]
    knocks += nodes.map { Knock("node.\($0)", .tcp, $0, Self.kubelet) }
    if let victimGateway { knocks.append(Knock(Self.peerGateway, .tcp, victimGateway, 80)) }
    if let clusterNames {
      knocks.append(Knock("names.cluster.udp", .udp, clusterNames, 53, payload: question.bytes))
      knocks.append(Knock("names.cluster.tcp", .tcp, clusterNames, 53, payload: question.framed))
    }
    if let listener6 {
      knocks.append(Knock("listener6.tcp", .tcp, listener6, port))
      knocks.append(Knock("listener6.icmp", .icmp, listener6))
    }
    return knocks
  }

  /// What an agent reaches while nothing is cut, and nothing else.
  var lateKnocks: [ProbePlan.Knock] { Self.lateKnocks(names: agentNames) }

  static func lateKnocks(names: String) -> [ProbePlan.Knock] {
    let question = NameQuery(name: allowedHost, id: 0x4c44)
    return [
      ProbePlan.Knock("late.udp", .udp, names, 53, payload: question.bytes),
      ProbePlan.Knock("late.tcp", .tcp, names, 53, payload: question.framed),
    ]
  }

  static let ownGateway = "gateway.own"
  static let peerGateway = "gateway.peer"

  /// How an agent finds its own.
  static func ownGatewayKnocks(_ names: String) -> [ProbePlan.Knock] {
    [
      ProbePlan.Knock("names.allowed", .udp, names, 53, payload: NameQuery(name: allowedHost, id: 0x4c43).bytes),
      ProbePlan.Knock(ownGateway, .tcp, "answer:names.allowed", 80),
    ]
  }

  /// The port of the kubelet, on every node.
  static let kubelet: UInt16 = 10_250
}
