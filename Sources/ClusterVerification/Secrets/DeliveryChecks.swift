import AgentModel
import ChildProcess
import Faults
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import SecretStore
import Verification

/// SEC-2 and 4: where the values of secrets are, and where they are not.
struct DeliveryChecks: Sendable {
  let site: ClusterSite
  let stage: Shared<SecretsStage>

  static let driver = "secrets-store.csi.k8s.io"
  private static let gatewayLimit = Duration.seconds(60)
  /// For two rounds.
  private static let searchLimit = Duration.seconds(60)

  var all: [Check] {
    [
      Check(
        "SEC-2", layer: "secrets",
        title: "a key that the gateway adds is not in the agent's environment, arguments or files",
        deadline: SecretsStage.startLimit + ProbePod.startLimit + Self.gatewayLimit + Self.searchLimit + .seconds(30),
        isLong: true, body: sandbox),
      Check(
        "SEC-4", layer: "secrets",
        title: "no value is in an object of the cluster, nor readable in what OpenBao stores",
        deadline: SecretsStage.startLimit + .seconds(60), isLong: true, body: rest),
    ]
  }

  // MARK: SEC-2

  private func sandbox() async throws -> Finding {
    let nodes = try await site.client.list(.csiNodes).objects.filter { node in
      node["spec", "drivers"]?.array?.contains { $0["name"]?.string == Self.driver } == true
    }
    guard !nodes.isEmpty else {
      throw NotTestable("no node has the Secrets Store CSI Driver, so that no agent with secrets runs")
    }
    let stage = try await stage.value
    let probe = ProbePod(
      client: site.client, name: "\(stage.keeper)", namespace: site.namespace, nonce: stage.nonce, isAgent: true)
    _ = try await probe.started()
    // It has more to read than the agent, and may be ready later.
    let deadline = ContinuousClock.now + Self.gatewayLimit
    while true {
      let gateway = try await site.client.get(.deployments, "\(stage.keeper)-gateway", namespace: site.namespace)
      if (gateway["status", "readyReplicas"]?.int ?? 0) > 0 { break }
      guard ContinuousClock.now < deadline else {
        throw NotTestable("the gateway of \(stage.keeper) does not run, so that it has no key to be found")
      }
      try await Task.sleep(for: .milliseconds(500))
    }
    // The round that is under way may have looked before; the one after it begins with the key there.
    let first = try await probe.told().rounds
    let (record, round) = try await searched(probe, first + 1)
    var finding = Finding(Self.trials(record, stage.canaries, round: round))
    if finding.verdict == .proven {
      finding.evidence.append("the agent's gateway, which has the key, was ready before the search")
    }
    return finding
  }

  /// What was told once this round of the search has ended.
  private func searched(_ probe: ProbePod, _ round: Int) async throws -> (ProbeRecord, Int) {
    let deadline = ContinuousClock.now + Self.searchLimit
    while true {
      let record = try await probe.told()
      if record.rounds > round { return (record, round) }
      guard ContinuousClock.now < deadline else {
        throw NotTestable(
          "the agent \(probe.name) did not search its sandbox \(Self.searchLimit) after its gateway was ready")
      }
      try await Task.sleep(for: .seconds(1))
    }
  }

  /// What the search of a sandbox came to: for its own secret, which it has to find, and for the key.
  static func trials(_ record: ProbeRecord, _ canaries: SecretsStage.Canaries, round: Int) -> [Trial] {
    let places = ["environment", "arguments", "files"]
    func found(_ value: String) -> [String] {
      places.filter { place in
        (0..<SecretSearch.mostFound).contains { record["found:\(round):\(place):\($0)"]?.text == value }
      }
    }
    let searched = places.compactMap { place in record["secrets:\(round):\(place)"].map { "\(place): \($0.text)" } }
    let (own, key) = (found(canaries.tenant), found(canaries.credential))
    let control: AttackOutcome =
      own.isEmpty
      ? .unknown("nor its own secret") : .succeeded("its own secret is in its \(own.joined(separator: ", "))")
    let real: AttackOutcome =
      if !key.isEmpty {
        .succeeded("the key is in its \(key.joined(separator: ", "))")
      } else if searched.count < places.count || searched.contains(where: { $0.hasSuffix(": 0 read") }) {
        .unknown("not all was searched: \(searched.joined(separator: ", "))")
      } else {
        .prevented(searched.joined(separator: ", "))
      }
    return [Trial("find the key in the sandbox", withoutControl: control, withControl: real)]
  }

  // MARK: SEC-4

  private func rest() async throws -> Finding {
    let stage = try await stage.value
    var finding = Finding.joined(try await objects(stage), try await store(stage))
    if finding.verdict == .proven {
      finding.evidence.append("what etcd and volumes keep is for the API servers' and the storage's encryption")
    }
    return finding
  }

  private func objects(_ stage: SecretsStage) async throws -> Finding {
    var planted = KubernetesObject(fields: [
      "apiVersion": "v1", "kind": "ConfigMap", "data": ["value": .string(stage.canaries.prefix)],
    ])
    planted.name = "planted"
    planted.namespace = site.bareNamespace
    try await site.client.create(site.mark.mark(planted), of: .configMaps)
    let control = try await search(for: [stage.canaries.prefix], in: [site.bareNamespace])
    let real = try await search(
      for: stage.canaries.all, in: [site.namespace, site.values.namespaces.controlPlane, site.values.namespaces.vault])
    return Finding([
      Trial(
        "find a value in an object of the cluster",
        withoutControl: control.found.isEmpty
          ? .unknown("not even what was planted is found")
          : .succeeded("what was planted is found in \(control.found.joined(separator: ", "))"),
        withControl: real.found.isEmpty
          ? .prevented("\(real.count) objects of \(Self.searched.count) types have none")
          : .succeeded("in \(real.found.joined(separator: ", "))"))
    ])
  }

  private static let searched: [ResourceType] = [
    .pods, .configMaps, .secrets, .events, .agents, .deployments, .secretProviderClasses, .serviceAccounts, .services,
  ]

  private func search(for values: [String], in namespaces: [String]) async throws -> (count: Int, found: [String]) {
    let spellings = values.map(Spellings.init)
    var (count, found) = (0, [String]())
    for namespace in namespaces {
      for type in Self.searched {
        let objects: [KubernetesObject]
        do { objects = try await site.client.list(type, namespace: namespace).objects } catch let fault as Fault
          where fault.code == .unsupported
        {
          continue  // without the type there is no object of it
        }
        count += objects.count
        found += objects.filter { Self.holds($0, spellings) }.map { "\(type) \(namespace)/\($0.name)" }
      }
    }
    return (count, found)
  }

  /// In whatever spelling: a Secret has values in base64, and others have whole files so.
  static func holds(_ object: KubernetesObject, _ values: [Spellings]) -> Bool {
    let text = JSON.object(object.fields).bytes
    return values.contains { $0.isIn(text) }
  }

  /// Of a snapshot that is unpacked.
  private static let longestStore = 256 << 20

  /// The whole store as its servers have it on their disks, which people may take with them.
  private func store(_ stage: SecretsStage) async throws -> Finding {
    let snapshot: [UInt8]
    do { snapshot = try await stage.manager.people().vault.snapshot() } catch let fault as Fault
      where fault.code == .unavailable
    {
      throw NotTestable("of OpenBao's servers the leader alone gives a snapshot: \(oneLine(fault.reason))")
    }
    let text: [UInt8]
    do {
      text = Array(
        try await Command("gzip", ["--decompress", "--stdout"]).run(
          input: snapshot, timeout: .seconds(60), outputLimit: Self.longestStore
        ).standardOutput.utf8)
    } catch let fault as Fault { throw NotTestable("a snapshot cannot be looked at: \(oneLine(fault.reason))") }
    func has(_ value: String) -> Bool { Spellings(value).isIn(text) }
    return Finding([
      Trial(
        "find a value in what OpenBao stores",
        // Names of what it stores can be read, values cannot.
        withoutControl: has("core/") ? .succeeded("its index can be read") : .unknown("not even its index can be read"),
        withControl: stage.canaries.all.contains(where: has)
          ? .succeeded("it is in a snapshot") : .prevented("there is none in a snapshot of \(text.count) bytes"))
    ])
  }
}
