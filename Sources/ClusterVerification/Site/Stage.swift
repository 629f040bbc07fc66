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
  /// Outside of gVisor, with root and the rights to make packets of its own.
  var host: Result<Actor, NotTestable> = .failure(NotTestable("it was not made"))

  static func start(_ site: ClusterSite) async throws -> Stage {
    let documents = ProbePods(site: site)
    let listening = plan(files: ProbeLook.hostFiles, listens: true)
    var attacked = listening
    attacked.knocks += AttackTargets.ownGatewayKnocks(site.values.network.nameServer)
    let victim = try await site.make(documents.agent(site.agentName(.victim), attacked), attacked)
    let listener = try await site.make(documents.bare("listener", listening, isSandboxed: false), listening)
    var searching = plan(files: ProbeLook.hostFiles)
    let neighbour = plan()
    searching.search = ["other": neighbour.canary, "own": searching.canary]
    let open = await made { [searching] in
      try await site.make(documents.open("open", searching, beside: neighbour), searching)
    }
    let looking = plan()
    let host = await made { try await site.make(documents.unsandboxed("host", looking), looking) }
    async let victimSeen = seen(victim)
    async let openSeen = outcome(open)
    async let hostSeen = outcome(host)
    let listenerSeen = try await seen(listener)
    let machines = try await site.client.list(.nodes).objects
    var targets = try await AttackTargets.find(site, listener: listenerSeen, victim: try await victimSeen)
    targets.nodes = addresses(of: machines)
    var attacks = plan()
    attacks.knocks = targets.knocks
    attacks.late = targets.lateKnocks
    let controlProbe = try await site.make(documents.bare("attacker", attacks, isSandboxed: true), attacks)
    attacks.deeds = DetectionChecks.deeds
    attacks.search = ["other": listening.canary, "own": attacks.canary]
    let attackerProbe = try await site.make(documents.agent(site.agentName(.attacker), attacks), attacks)
    async let control = seen(controlProbe)
    async let attacker = seen(attackerProbe)
    let nodes = Dictionary(machines.map { ($0.name, $0["status", "nodeInfo"] ?? [:]) }) { first, _ in first }
    return try await Stage(
      victim: victimSeen, listener: listenerSeen, open: openSeen, attacker: attacker, control: control,
      targets: targets, nodes: nodes, host: hostSeen)
  }

  /// A probe that may be wanting: what it is the control of is not testable then.
  private static func made(_ make: () async throws -> ProbePod) async -> Result<ProbePod, any Error> {
    do { return .success(try await make()) } catch { return .failure(error) }
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

  private static func outcome(_ probe: Result<ProbePod, any Error>) async throws -> Result<Actor, NotTestable> {
    do {
      let (probe, actor) = (try probe.get(), try await seen(try probe.get()))
      // It has told all; on a small node others want its place.
      try await probe.remove()
      return .success(actor)
    } catch let why as NotTestable { return .failure(why) }
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
