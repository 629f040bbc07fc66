import AgentModel
import Foundation
import KernelFiles
import Proxy

/// What one more agent costs the node proxy: memory of Envoy, and the time until Envoy has taken it up. Each agent has
/// a certificate, a host with a credential of its own, two hosts passed through, and a port.
enum ProxyMemoryBenchmark {
  private static let repetitions = 20
  /// As long as it usually is: each host with a credential has its own copy.
  private static let authorities = "/etc/ssl/certs/ca-certificates.crt"

  static func run() async throws -> [Row] {
    let inotify = try InotifyLimit.raise()
    defer { inotify.restore() }
    var rows: [Row] = []
    var base: (anonymous: Double, heap: Double)?
    for count in [0, 1, 100, 500] {
      let (memory, change) = try await measure(agents: count)
      let alone = base ?? memory
      base = alone
      guard count > 0 else { continue }
      let each = (memory.anonymous - alone.anonymous) / Double(count)
      let own = alone.anonymous + each
      rows.append(
        Row(
          what: "node proxy's memory with \(agents(count))",
          figure: String(
            format: "%.1f MiB anonymous, %.1f MiB of it allocated; %.0f KiB an agent", memory.anonymous, memory.heap,
            each * 1024),
          peer: String(format: "a proxy for each agent: %.1f MiB each", own),
          ratio: String(format: "%.3f", memory.anonymous / (own * Double(count)))))
      rows.append(
        Row(
          what: "one more beside \(agents(count)), until acknowledged",
          figure: "\(Row.text(change.taken)); rendering p50 \(String(format: "%.1f ms", change.rendered.p50))"))
    }
    return rows
  }

  private static func agents(_ count: Int) -> String { count == 1 ? "1 agent" : "\(count) agents" }

  private struct Change {
    var rendered: Samples
    var taken: Samples
  }

  /// In a fresh Envoy, so that nothing of another size is left in its allocator.
  private static func measure(agents count: Int) async throws -> ((anonymous: Double, heap: Double), Change) {
    let directory = try ScratchDirectory()
    defer { directory.remove() }
    let identities = try Identities(in: directory.path)
    let range = "127.\(Int.random(in: 64..<255)).\(Int.random(in: 0..<255))"
    let layout = ProxySite.proxyLayout(
      in: directory.path, range: range, apiSocket: "\(directory.path)/api.sock",
      roots: FileManager.default.fileExists(atPath: authorities) ? authorities : "\(directory.path)/root.crt")
    let proxy = NodeProxy(layout: layout)
    let envoy = try BenchmarkEnvoy(
      "proxy", in: directory.path, bootstrap: proxy.bootstrap, files: layout.files, adminSocket: layout.adminSocket
    ) { proxy.arguments(bootstrap: $0) }
    let names = NameServer.program(in: directory.path, address: "\(range).10", port: 10053, answer: "\(range).10")
    await names.start()
    do {
      let result = try await running([envoy]) {
        var state = NodeProxyState(
          mesh: .init(identity: try identities.certificate(of: .proxy), roots: identities.roots),
          apiRules: [AccessRule(principal: try parsed(.init("*")), methods: ["GET"], paths: ["/v1/*"])])
        for number in 0..<count { try add(number, to: &state, identities) }
        _ = try await envoy.driver.apply(proxy.files(state), version: "start")
        // What the start left behind is given back, and names are looked up.
        try await Task.sleep(for: .seconds(3))
        let memory = try await memory(of: envoy)
        let change = try await changes(from: count, of: state, identities, proxy, envoy)
        return (memory, change)
      }
      await names.stop()
      return result
    } catch {
      await names.stop()
      throw error
    }
  }

  private static func changes(
    from count: Int, of state: NodeProxyState, _ identities: Identities, _ proxy: NodeProxy, _ envoy: BenchmarkEnvoy
  ) async throws -> Change {
    var (rendered, taken): ([Duration], [Duration]) = ([], [])
    for repetition in 0..<repetitions {
      var more = state
      try add(count, to: &more, identities)
      let begin = ContinuousClock.now
      let files = proxy.files(more)
      let middle = ContinuousClock.now
      _ = try await envoy.driver.apply(files, version: "add-\(repetition)")
      taken.append(middle.duration(to: .now))
      rendered.append(begin.duration(to: middle))
      _ = try await envoy.driver.apply(proxy.files(state), version: "remove-\(repetition)")
    }
    return Change(rendered: Samples(rendered), taken: Samples(taken))
  }

  private static func add(_ number: Int, to state: inout NodeProxyState, _ identities: Identities) throws {
    let id = try parsed(AgentID("acme/agent-\(number)"))
    let name = try parsed(SecretName("key"))
    let key = CredentialKey.agent(id, name)
    state.secrets[key] = try parsed(ProxySecret("sk-benchmark-\(number)-0123456789abcdef"))
    state.agents.append(
      ProxiedAgent(
        id: id, address: "10.64.\(number >> 6).\((number & 63) * 4 + 2)",
        certificate: try identities.certificate(of: id),
        egress: [
          EgressAllowance(
            host: try parsed(HostPattern(ProxySite.host)),
            credential: .init(secret: name, header: "authorization", prefix: "Bearer "), methods: ["POST"],
            paths: ["/v1/*"]),
          EgressAllowance(host: try parsed(HostPattern("files.example.com"))),
          EgressAllowance(host: try parsed(HostPattern("*.packages.example.com"))),
        ], credentials: [name: key], ports: ["http": 8080]))
  }

  private static func memory(of envoy: BenchmarkEnvoy) async throws -> (anonymous: Double, heap: Double) {
    let status = try kernelFile("/proc/\(try envoy.process())/status")
    let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
    let anonymous = try parsed(line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) })
    return (anonymous / 1024, Double(try await envoy.driver.admin.memory().allocated) / 1_048_576)
  }
}

/// Envoy takes an inotify instance for each file that it watches; `lobstack up` raises the kernel's limit likewise.
private struct InotifyLimit {
  private static let path = "/proc/sys/fs/inotify/max_user_instances"
  private static let wanted = 1024
  private let former: Int?

  static func raise() throws -> InotifyLimit {
    let present = Int(try kernelFile(path).trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    guard present < wanted else { return InotifyLimit(former: nil) }
    try set(wanted)
    return InotifyLimit(former: present)
  }

  func restore() {
    // A limit that stays raised does no harm.
    if let former { try? Self.set(former) }
  }

  private static func set(_ value: Int) throws {
    guard let file = FileHandle(forWritingAtPath: path) else { throw BenchmarkFailure("cannot write \(path)") }
    defer { try? file.close() }
    try file.write(contentsOf: Data("\(value)\n".utf8))
  }
}
