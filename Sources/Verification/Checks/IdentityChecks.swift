import AgentModel
import Foundation
import Glibc
import Synchronization
import Turns

/// MTLS-3 and 4: an agent's identity lasts through renewals, and never becomes another's.
struct IdentityChecks: Sendable {
  let fixtures: Fixtures

  var all: [Check] {
    [
      Check(
        "MTLS-3", layer: "identity", title: "certificates are renewed with no failed request",
        deadline: .seconds(90), isAlone: true, isLong: true, body: renewal),
      Check(
        "MTLS-4", layer: "identity", title: "an agent's request never travels under another agent's identity",
        deadline: .seconds(60), body: mixing),
    ]
  }

  // MARK: MTLS-4

  private func mixing() async throws -> Finding {
    let (first, second) = (try await fixtures.first.value, try await fixtures.second.value)
    let agents = try await fixtures.agents.value
    let identities = try Identities(layout: fixtures.site.platform, site: fixtures.site)
    let domain = try await identities.trustDomain()
    let ids = [SPIFFEID.agent(try agents.name("a"), in: domain), .agent(try agents.name("b"), in: domain)]
    let stranger = try identities.agent(try agents.name("b"))
    let layout = fixtures.site.platform
    let trial = try await Trial.run("travel under the other's identity") {
      // With the other's key, which no agent has.
      let answer = try await TLSClient(place: .socket(layout.meshSocket), roots: layout.trustBundle, identity: stranger)
        .exchange(TLSClient.get("/v1/identity", host: "api"))
      return answer.text.contains("\(ids[1])")
        ? .succeeded("whoever has its key is taken for \(ids[1])") : .prevented("not even its key makes one \(ids[1])")
    } withControl: {
      async let one = ask(first, claiming: second.network.address, ids[1])
      async let other = ask(second, claiming: first.network.address, ids[0])
      let answers = try await [one, other]
      for (place, text) in answers.enumerated() {
        let own = text.matches(of: /"spiffeID":"([^"]*)"/).map { String($0.output.1).replacing("\\/", with: "/") }
        if let wrong = own.first(where: { $0 != "\(ids[place])" }) {
          return .succeeded("\(ids[place]) was taken for \(wrong)")
        }
        guard own.count == Self.rounds * Self.burst else {
          return .unknown("\(own.count) answers to \(Self.rounds * Self.burst) requests of \(ids[place])")
        }
      }
      return .prevented("2 × \(Self.rounds * Self.burst) interleaved requests, with forged headers, each as its own")
    }
    return Finding([trial])
  }

  private static let rounds = 4
  private static let burst = 8

  /// Several connections one after the other, each with several requests at once, that claim to come from elsewhere.
  private func ask(_ target: Target, claiming address: IPAddress, _ id: SPIFFEID) async throws -> String {
    let headers = [
      "x-lobstack-source: \(address)", "X-Forwarded-For: \(address)", "Forwarded: for=\(address)",
      "x-forwarded-client-cert: URI=\(id)", "x-envoy-external-address: \(address)", "x-real-ip: \(address)",
    ].joined(separator: "\\r\\n")
    let script = """
      for round in $(seq \(Self.rounds)); do
        exec 3<>/dev/tcp/api.lobstack.internal/80 || exit 1
        for n in $(seq \(Self.burst)); do
          close=; [ $n = \(Self.burst) ] && close='Connection: close\\r\\n'
          printf "GET /v1/identity HTTP/1.1\\r\\nHost: api.lobstack.internal\\r\\n\(headers)\\r\\n$close\\r\\n" >&3
        done
        timeout 5 cat <&3; exec 3>&-
      done
      """
    return try await target.run(script, .seconds(30)).output
  }

  // MARK: MTLS-3

  /// On a second platform, because a renewal is forced by making the node's certificates due and starting it again.
  private func renewal() async throws -> Finding {
    let platform = try await fixtures.harmed.value
    return try await platform.turn.take { try await renew(platform) }
  }

  private func renew(_ platform: HarmedPlatform) async throws -> Finding {
    let identities = try Identities(layout: platform.layout, site: fixtures.site)
    let before = try identities.serials()
    let gateway = TLSClient(
      place: .socket(platform.layout.ingressSocket), roots: platform.layout.trustBundle,
      identity: try identities.gateway())
    let renewed = try await load(platform, gateway) {
      try identities.makeDue()
      guard let node = platform.component("node") else { throw NotTestable("the second platform has no node") }
      kill(node.pid, SIGKILL)
      for _ in 0..<200 {
        try await Task.sleep(for: .milliseconds(100))
        // The file is being written at some moment; the next look finds it whole.
        let now = (try? identities.serials()) ?? [:]
        if now.count > 1, now.allSatisfy({ before[$0.key] != $0.value }) { break }
      }
      // Until the proxy has them, and a while more.
      try await Task.sleep(for: .milliseconds(1_500))
    }
    let after = try identities.serials()
    // An agent of another check may have gone meanwhile, and its certificate with it.
    let kept = after.filter { before[$0.key] != nil }
    let changed = kept.filter { before[$0.key] != $0.value }.count
    let lossy = try await load(platform, gateway) {
      guard let control = platform.component("control-plane") else {
        throw NotTestable("the second platform has no control plane")
      }
      kill(control.pid, SIGKILL)
      try await Task.sleep(for: .milliseconds(700))
      try await platform.waitUntilReady()
    }
    let outcome: AttackOutcome =
      if changed < kept.count || changed < 2 {
        .unknown("\(changed) of \(kept.count) certificates were renewed")
      } else if renewed.failed > 0 {
        .succeeded("\(renewed.failed) of \(renewed.total) requests failed: \(renewed.reason ?? "")")
      } else if renewed.total < 20 {
        .unknown("only \(renewed.total) requests were made")
      } else {
        .prevented(
          "\(changed) certificates of agents and proxy were renewed under \(renewed.total) requests: none failed")
      }
    let control: AttackOutcome =
      lossy.failed > 0
      ? .succeeded("when the control plane is killed, \(lossy.failed) of \(lossy.total) requests fail")
      : .prevented("not even the end of the control plane failed one of \(lossy.total) requests")
    return Finding([Trial("lose a request", withoutControl: control, withControl: outcome)])
  }

  private struct Load: Sendable {
    var total = 0
    var failed = 0
    var reason: String?

    mutating func note(_ isGood: Bool, _ reason: String) {
      total += 1
      guard !isGood else { return }
      failed += 1
      self.reason = self.reason ?? reason
    }
  }

  /// Requests while `body` runs, each over a handshake of its own: of the gateway to the agent, which sees the proxy's
  /// certificate, and of the agent to the API, which sees the agent's.
  private func load(
    _ platform: HarmedPlatform, _ gateway: TLSClient, during body: @Sendable () async throws -> Void
  ) async throws -> Load {
    let isOver = Mutex(false)
    let stop = "\(platform.target.workspace)/stop"
    unlink(stop)
    async let people = people(platform, gateway) { isOver.withLock { $0 } }
    async let agent = agent(platform)
    let result: Result<Void, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    isOver.withLock { $0 = true }
    _ = FileManager.default.createFile(atPath: stop, contents: nil)
    let (first, second) = try await (people, agent)
    try result.get()
    return Load(
      total: first.total + second.total, failed: first.failed + second.failed, reason: first.reason ?? second.reason)
  }

  private func people(
    _ platform: HarmedPlatform, _ gateway: TLSClient, until isOver: @Sendable () -> Bool
  ) async throws -> Load {
    var load = Load()
    while !isOver() {
      do {
        let answer = try await gateway.exchange(TLSClient.get("/agents/\(platform.agent)/", host: "agent"))
        load.note(
          answer.text.contains(platform.target.canary),
          "the gateway: \(answer.text.isEmpty ? answer.remarks : String(answer.text.suffix(160)))")
      } catch {
        try Task.checkCancellation()
        load.note(false, "the gateway: \(error)")
      }
      try await Task.sleep(for: .milliseconds(30))
    }
    return load
  }

  private func agent(_ platform: HarmedPlatform) async throws -> Load {
    let script = """
      exec 9<>/tmp/tick; good=0; bad=0; end=$((SECONDS + 40))
      while [ ! -e /workspace/stop ] && [ $SECONDS -lt $end ]; do
        line=
        if exec 3<>/dev/tcp/\(EgressChecks.anywhere)/80; then
          printf 'GET /v1/identity HTTP/1.1\\r\\nHost: api.lobstack.internal\\r\\nConnection: close\\r\\n\\r\\n' >&3
          read -r -t 5 line <&3; exec 3>&-
        fi
        case "$line" in "HTTP/1.1 200"*) good=$((good+1)) ;; *) bad=$((bad+1)); last="$line" ;; esac
        read -r -t 0.05 -u 9
      done
      echo "result $good $bad $last"
      """
    // By the program itself: what is run from outside ends with the node or the control plane.
    let output = try await platform.target.runByProgram(script, limit: .seconds(50))
    let words = output.split(separator: "\n").last { $0.hasPrefix("result ") }?.split(separator: " ") ?? []
    guard words.count >= 3, let good = Int(words[1]), let bad = Int(words[2]) else {
      throw NotTestable("the agent's requests were not counted: \(output.suffix(200))")
    }
    return Load(
      total: good + bad, failed: bad, reason: bad > 0 ? "the API: \(words.dropFirst(3).joined(separator: " "))" : nil)
  }
}
