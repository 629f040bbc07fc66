import Blueprint
import ChildProcess
import Foundation
import Glibc
import JSONValues
import KernelFiles
import KubernetesAPI
import KubernetesRendering
import TestSupport

/// The operator with many Agents, against a real API server without controllers: `KUBE_APISERVER=path`, and `AGENTS`,
/// which is 10,000 unless it says otherwise.
enum OperatorBenchmark {
  private static let agents = ProcessInfo.processInfo.environment["AGENTS"].flatMap(Int.init) ?? 10_000
  /// Of a lean agent without secrets.
  private static let objectsOfAgent = 9
  private static let values = """
    profile: lean
    tenants: {default: {agents: 100000, cpu: 100000, memory: 100000Gi, storage: 1000Ti}}

    """

  static func run() async throws -> [Row] {
    guard KubernetesServer.isThere else {
      return [Row(what: "operator", figure: "skipped: KUBE_APISERVER names no kube-apiserver")]
    }
    let directory = try ScratchDirectory()
    defer { directory.remove() }
    return try await KubernetesServer.with(arguments: ["--service-cluster-ip-range=10.64.0.0/12"]) { server in
      let client = try KubernetesClient(server.configuration(), fieldManager: "benchmark")
      return try await client.use {
        try await OperatorCluster(server: server, client: client, directory: directory.path, values: values)
          .measure(agents: agents, objects: agents * objectsOfAgent)
      }
    }
  }
}

private struct OperatorCluster {
  private static let namespace = "lobstack-agents"
  private static let agents = ResourceType(group: "lobstack.dev", version: "v1", plural: "agents")
  private static let policies = ResourceType(group: "networking.k8s.io", version: "v1", plural: "networkpolicies")

  let server: KubernetesServer
  let client: KubernetesClient
  let directory: String
  let values: String

  func measure(agents: Int, objects: Int) async throws -> [Row] {
    try await prepare()
    try await each(agents) { try await make("a\($0)") }
    var before = try await requests()
    let first = try await start("first")
    defer { kill(first.process, SIGKILL) }
    let making = try await ContinuousClock().measure { try await settle(first, objects) }
    var rows = [
      Row(
        what: "operator: objects of \(agents) Agents",
        figure: "\(objects) in \(seconds(making)), \(first.memory), \(first.processorTime)"),
      try await asked("an Agent of those", agents, since: before),
    ]
    before = try await requests()
    rows.append(
      Row(
        what: "created until its Pod is, while \(agents) stand",
        figure: Row.text(
          Samples(
            try await times(of: 100) { number in
              try await make("late-\(number)")
              return { try await exists(ResourceType(plural: "pods"), "late-\(number)") != nil }
            }))))
    rows.append(try await asked("one more Agent", 100, since: before))
    let deleted = try await client.page(of: Self.policies, namespace: Self.namespace, size: 60, after: "").objects
      .filter { $0.labels["lobstack.dev/name"] != nil }.prefix(50)
    rows.append(
      Row(
        what: "NetworkPolicy deleted until it is there again",
        figure: Row.text(
          Samples(
            try await times(of: deleted.count) { number in
              let policy = deleted[number]
              try await client.delete(Self.policies, policy.name, namespace: Self.namespace)
              return {
                guard let now = try await exists(Self.policies, policy.name) else { return false }
                return now != policy.uid
              }
            }))))
    let second = try await start("second")
    defer { kill(second.process, SIGKILL) }
    try await Task.sleep(for: .seconds(5))
    let waiting = second.memory
    before = try await requests()
    kill(first.process, SIGKILL)
    let began = ContinuousClock.now
    try await eventually("the other leads", within: .seconds(120)) { try await second.metric("leader") == 1 }
    let led = ContinuousClock.now - began
    try await settle(second, objects)
    rows.append(
      Row(
        what: "leader killed, until the next leads; knows all and has looked at it",
        figure: "\(seconds(led)); \(seconds(.now - began)), \(second.memory), \(second.processorTime)",
        peer: "while it waits: \(waiting)"))
    rows.append(try await asked("an Agent that is as it should be, at that", agents, since: before))
    return rows
  }

  // MARK: The cluster

  private func prepare() async throws {
    try values.write(toFile: "\(directory)/values.yaml", atomically: true, encoding: .utf8)
    let policy = "\(FileManager.default.currentDirectoryPath)/policy"
    let manifests = try PlatformManifests(
      values: Values(values, source: "values.yaml"), texts: PolicyTexts(directory: policy),
      rules: Policy.load(directory: policy))
    let types = [
      "Namespace": ResourceType(plural: "namespaces", isNamespaced: false),
      "RuntimeClass": ResourceType(group: "node.k8s.io", plural: "runtimeclasses", isNamespaced: false),
      "PriorityClass": ResourceType(group: "scheduling.k8s.io", plural: "priorityclasses", isNamespaced: false),
      "ResourceQuota": ResourceType(plural: "resourcequotas"), "LimitRange": ResourceType(plural: "limitranges"),
      "CustomResourceDefinition": ResourceType(
        group: "apiextensions.k8s.io", plural: "customresourcedefinitions", isNamespaced: false),
    ]
    for case .objects(let objects) in manifests.files.map(\.content) {
      for object in objects {
        guard let type = types[object.kind] else { continue }
        try await client.apply(KubernetesObject(encoding: object), of: type)
      }
    }
    try await eventually("Agents are served") { try await client.serves(Self.agents) }
  }

  private func make(_ name: String) async throws {
    let object = KubernetesObject(fields: [
      "apiVersion": "lobstack.dev/v1", "kind": "Agent",
      "metadata": ["name": .string(name), "namespace": .string(Self.namespace)],
      "spec": [
        "image": "docker://r.example.com/t/a:1", "ports": ["http": 8080],
        "egress": [["host": "api.example.com"], ["host": "*.example.org"]],
      ],
    ])
    try await client.create(object, of: Self.agents)
  }

  private func each(_ count: Int, _ body: @escaping @Sendable (Int) async throws -> Void) async throws {
    let lanes = 8
    try await withThrowingTaskGroup(of: Void.self) { group in
      for lane in 0..<lanes {
        group.addTask { for number in stride(from: lane, to: count, by: lanes) { try await body(number) } }
      }
      try await group.waitForAll()
    }
  }

  /// - Returns: its uid.
  private func exists(_ type: ResourceType, _ name: String) async throws -> String? {
    try? await client.get(type, name, namespace: Self.namespace).uid
  }

  /// From before something is done until what it returns is so, one after the other.
  private func times(
    of count: Int, _ begin: (Int) async throws -> () async throws -> Bool
  ) async throws -> [Duration] {
    var times: [Duration] = []
    for number in 0..<count {
      let start = ContinuousClock.now
      let isOver = try await begin(number)
      while try await !isOver() { try await Task.sleep(for: .milliseconds(2)) }
      times.append(.now - start)
    }
    return times
  }

  // MARK: What was asked of the API server

  /// By verb: of all but leases, and of nothing that this program asked.
  private func requests() async throws -> [String: Double] {
    var counts: [String: Double] = [:]
    for line in try await client.text(at: "/metrics").split(separator: "\n") {
      guard line.hasPrefix("apiserver_request_total{"), !line.contains(#"resource="leases""#),
        let verb = line.firstMatch(of: /verb="([A-Z]+)"/)?.1,
        let count = line.split(separator: " ").last.flatMap({ Double($0) })
      else { continue }
      counts[String(verb), default: 0] += count
    }
    return counts
  }

  private func asked(_ what: String, _ count: Int, since before: [String: Double]) async throws -> Row {
    let now = try await requests()
    let verbs = ["APPLY", "PATCH", "POST", "DELETE"].map { verb in
      String(format: "%@ %.2f", verb, ((now[verb] ?? 0) - (before[verb] ?? 0)) / Double(count))
    }
    return Row(what: "requests that change something, for \(what)", figure: verbs.joined(separator: ", "))
  }

  // MARK: Operators

  private func start(_ name: String) async throws -> RunningOperator {
    let port = try freePort()
    let program = BackgroundProgram(
      name, in: directory, BenchmarkPlatform.program,
      [
        "operator", "--policy", "\(FileManager.default.currentDirectoryPath)/policy", "--values",
        "\(directory)/values.yaml", "--kubeconfig", server.kubeconfig, "--probes", "127.0.0.1:\(port)",
      ])
    await program.start()
    try await eventually("\(name) answers", log: program.log) {
      try await RunningOperator(program: program, process: program.process(), port: port).metric("leader") != nil
    }
    return RunningOperator(program: program, process: try program.process(), port: port)
  }

  private func settle(_ running: RunningOperator, _ objects: Int) async throws {
    try await eventually("all is looked at", within: .seconds(3_600), log: running.program.log) {
      // Twice: one that is worked on does not wait.
      for _ in 0..<2 {
        guard try await running.metric("objects") ?? 0 >= Double(objects), try await running.metric("queue_depth") == 0
        else { return false }
        try await Task.sleep(for: .milliseconds(1_100))
      }
      return true
    }
  }

  private func seconds(_ duration: Duration) -> String { String(format: "%.1f s", duration.inMilliseconds / 1e3) }
}

private struct RunningOperator {
  let program: BackgroundProgram
  let process: Int32
  let port: UInt16

  func metric(_ name: String) async throws -> Double? {
    let text = try await Command("curl", ["--silent", "--max-time", "20", "http://127.0.0.1:\(port)/metrics"]).check()
    let line = text.split(separator: "\n").first { $0.hasPrefix("lobstack_operator_\(name) ") }
    return line?.split(separator: " ").last.flatMap { Double($0) }
  }

  var memory: String {
    let text = (try? kernelFile("/proc/\(process)/status")) ?? ""
    func megabytes(_ key: String) -> Int {
      let line = text.split(separator: "\n").first { $0.hasPrefix(key) }
      return (line?.split(separator: " ").dropLast().last.flatMap { Int($0) } ?? 0) / 1024
    }
    return "\(megabytes("VmRSS:")) MiB, at most \(megabytes("VmHWM:")) MiB"
  }

  var processorTime: String {
    let fields = ((try? kernelFile("/proc/\(process)/stat")) ?? "").split(separator: ")").last?.split(separator: " ")
    let ticks = (fields?.dropFirst(11).prefix(2) ?? []).compactMap { Double($0) }.reduce(0, +)
    return String(format: "%.0f s of a processor", ticks / 100)
  }
}
