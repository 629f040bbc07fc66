import Faults
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Verification

/// The probes that a run starts and what they told. Two listen, and one has what agents do not have; then two attack, each
/// with the same plan: one is an agent, the other is held by no policy.
struct Stage: Sendable {
  struct Actor: Sendable {
    var pod: KubernetesObject
    var record: ProbeRecord

    var address: String { pod["status", "podIP"]?.string ?? "" }
    var node: String { pod["spec", "nodeName"]?.string ?? "" }
    /// Of IPv6, where the cluster has it.
    var address6: String? {
      pod["status", "podIPs"]?.array?.compactMap { $0["ip"]?.string }.first { $0.contains(":") && $0 != address }
    }
  }

  /// An agent that is attacked, and looks round.
  let victim: Actor
  /// The same program outside of gVisor, reached by everybody.
  let listener: Actor
  /// In a sandbox, with root and a file of the host; `nil` when it does not run, with the reason.
  let open: Result<Actor, NotTestable>
  /// An agent that attacks.
  let attacker: Actor
  /// That which makes the same attacks without a policy.
  let control: Actor
  let targets: AttackTargets
  /// `status.nodeInfo` of the nodes, by name.
  let nodes: [String: JSON]

  static func start(_ site: ClusterSite) async throws -> Stage {
    let documents = ProbePods(site: site)
    func make(_ object: KubernetesObject, _ plan: ProbePlan) async throws -> ProbePod {
      let isAgent = object.kind == "Agent"
      do { try await site.client.create(object, of: isAgent ? .agents : .pods) } catch let fault as Fault {
        throw NotTestable("the probe \(object.name) cannot be made: \(fault.reason)")
      }
      return ProbePod(
        client: site.client, name: object.name, namespace: object.namespace ?? "", nonce: plan.nonce, isAgent: isAgent)
    }
    let (first, second) = ("\(RunMark.agents)\(site.mark.id)-a", "\(RunMark.agents)\(site.mark.id)-b")
    let listening = plan(files: ProbeLook.hostFiles, listens: true)
    var attacked = listening
    attacked.knocks += AttackTargets.ownGatewayKnocks(site.values.network.nameServer)
    let victim = try await make(documents.agent(second, attacked, host: AttackTargets.allowedHost), attacked)
    let listener = try await make(documents.bare("listener", listening, isSandboxed: false), listening)
    let looking = plan(files: ProbeLook.hostFiles)
    let open: Result<ProbePod, NotTestable>
    do { open = .success(try await make(documents.open("open", looking), looking)) } catch let why as NotTestable {
      open = .failure(why)
    }
    async let victimSeen = seen(victim)
    async let openSeen = outcome(open)
    let listenerSeen = try await seen(listener)
    let machines = try await site.client.list(.nodes).objects
    var targets = try await AttackTargets.find(site, listener: listenerSeen, victim: try await victimSeen)
    targets.nodes = addresses(of: machines)
    var attacks = plan()
    attacks.knocks = targets.knocks
    let controlProbe = try await make(documents.bare("attacker", attacks, isSandboxed: true), attacks)
    attacks.deeds = DetectionChecks.deeds
    let attackerProbe = try await make(documents.agent(first, attacks, host: AttackTargets.allowedHost), attacks)
    async let control = seen(controlProbe)
    async let attacker = seen(attackerProbe)
    let nodes = Dictionary(machines.map { ($0.name, $0["status", "nodeInfo"] ?? [:]) }) { first, _ in first }
    return try await Stage(
      victim: victimSeen, listener: listenerSeen, open: openSeen, attacker: attacker, control: control,
      targets: targets, nodes: nodes)
  }

  private static func plan(files: [String] = [], listens: Bool = false) -> ProbePlan {
    var plan = ProbePlan(nonce: UUID().uuidString, canary: UUID().uuidString)
    plan.files = files
    if listens {
      plan.ports = [ProbePods.port]
      plan.knocks = [ProbePlan.Knock("self", .tcp, "127.0.0.1", ProbePods.port)]
    }
    return plan
  }

  private static func seen(_ probe: ProbePod) async throws -> Actor {
    let pod = try await probe.started()
    return Actor(pod: pod, record: try await probe.record())
  }

  private static func outcome(_ probe: Result<ProbePod, NotTestable>) async throws -> Result<Actor, NotTestable> {
    do { return .success(try await seen(try probe.get())) } catch let why as NotTestable { return .failure(why) }
  }

  /// More than that are not knocked at.
  static let mostNodes = 200

  private static func addresses(of machines: [KubernetesObject]) -> [String] {
    let all = machines.flatMap { machine in
      (machine["status", "addresses"]?.array ?? []).compactMap { address in
        address["type"]?.string == "InternalIP" ? address["address"]?.string : nil
      }
    }
    return Array(Set(all).sorted().prefix(mostNodes))
  }
}
