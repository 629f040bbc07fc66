import APIClient
import APIModel
import Foundation
import NetworkIsolation
import Turns

/// NET-3: an agent's way out leads to the hosts of its list, and to nothing else.
struct EgressChecks: Sendable {
  let fixtures: Fixtures

  /// Any address does: the ports decide where a connection ends.
  static let anywhere = "9.9.9.9"

  var all: [Check] {
    [
      Check(
        "NET-3", layer: "network", title: "only the hosts of the agent's list are reached, on 443 by name, and the API",
        deadline: .seconds(120), body: egress)
    ] + NameChecks(fixtures: fixtures).all
  }

  private func egress() async throws -> Finding {
    let stage = try await fixtures.stage.value
    let names = try await fixtures.names.value
    let start = Date()
    let tls = try await passThroughTrials(names, stage)
    let http = try await requestTrials(names, stage)
    let ports = try await portTrials(stage)
    var finding = Finding(tls + http + ports + (try await worldTrials()))
    guard finding.verdict == .proven else { return finding }
    let denial = await denial(of: names.unlistedHost, since: start)
    guard let denial, let remedy = denial.remedy, remedy.contains(names.unlistedHost) else {
      return Finding(
        .failed, prevented: true,
        evidence: ["nobody told that \(names.unlistedHost) was refused, or what to add: \(denial?.rule ?? "no denial")"]
      )
    }
    finding.evidence.append("told as '\(denial.rule)' of \(names.unlistedHost), with the remedy: \(remedy)")
    finding.detected = CheckReport.Detection(
      rule: denial.rule, latencyMs: max(0, Int(denial.time.timeIntervalSince(start) * 1000)))
    return finding
  }

  /// What the platform told of the agent's tries for a host; waits as long as its reports take.
  private func denial(of host: String, since start: Date) async -> DenialResource? {
    for _ in 0..<20 {
      // A platform that cannot tell has told nothing, which is what the report then says.
      let page = try? await fixtures.agents.value.client.denials(limit: 500)
      if let found = page?.items.first(where: { $0.host == host && $0.time >= start - 1 && $0.remedy != nil }) {
        return found
      }
      do { try await Task.sleep(for: .milliseconds(200)) } catch { return nil }
    }
    return nil
  }

  // MARK: Port 443

  private func passThroughTrials(_ names: ProbeNames, _ stage: NetworkStage) async throws -> [Trial] {
    func hello(_ name: String?) -> Dial {
      Dial(address: Self.anywhere, port: 443, bytes: ClientHello(serverName: name).bytes)
    }
    let attempts: [(String, Dial)] =
      [
        ("TLS for a host off the list", hello(names.unlistedHost)), ("TLS without a server name", hello(nil)),
        (
          "plain text on port 443",
          .init(address: Self.anywhere, port: 443, bytes: Array("GET / HTTP/1.0\r\n\r\n".utf8))
        ),
        ("TLS past the credential of a host", hello(names.keyedHost)),
        ("TLS for the name above the open ones", hello(names.domain)),
      ] + addressForms.map { ("TLS for \($0)", hello($0)) }
    return try await compare(attempts, stage) { $0.bytes.isEmpty ? nil : "\($0.bytes.count) bytes came back" }
  }

  /// Ways to write 169.254.169.254 and 127.0.0.1 (inet_aton(3), RFC 4291 §2.5.5.2).
  private var addressForms: [String] {
    ["169.254.169.254", "2852039166", "0251.0376.0251.0376", "0xa9fea9fe", "[::ffff:169.254.169.254]", "127.0.0.1"]
  }

  /// The same tries where nothing filters, and by an agent.
  private func compare(
    _ attempts: [(String, Dial)], _ stage: NetworkStage, success: (Dial.Answer) -> String?
  ) async throws -> [Trial] {
    async let bare = stage.withoutControl.target.dial(attempts.map(\.1))
    async let real = stage.withControl.target.dial(attempts.map(\.1))
    let (free, bound) = try await (bare, real)
    return attempts.indices.map { place in
      Trial(
        attempts[place].0, withoutControl: Self.outcome(free[place], success),
        withControl: Self.outcome(bound[place], success))
    }
  }

  private static func outcome(_ answer: Dial.Answer, _ success: (Dial.Answer) -> String?) -> AttackOutcome {
    if let seen = success(answer) { return .succeeded(seen) }
    if let status = answer.status { return .prevented("refused with \(status)") }
    // The proxy takes every connection to these ports: without one, nothing was asked.
    guard answer != .noConnection else { return .unknown("no connection was made") }
    return .prevented(
      answer.bytes.isEmpty
        ? "closed without a byte" : "\(answer.bytes.count) bytes came, and nothing that was asked for")
  }

  // MARK: Port 80

  /// Beside each, the same connection with a request that is allowed.
  private func requestTrials(_ names: ProbeNames, _ stage: NetworkStage) async throws -> [Trial] {
    let api = "api.lobstack.internal"
    let off = names.unlistedHost
    let attempts: [(String, Dial)] =
      [
        ("ask for a host off the list", .http(Self.anywhere, "GET / HTTP/1.1", host: off)),
        ("an absolute-form request", .http(Self.anywhere, "GET http://\(off)/v1/identity HTTP/1.1", host: api)),
        ("CONNECT", .http(Self.anywhere, "CONNECT \(off):443 HTTP/1.1", host: "\(off):443")),
        ("CONNECT to the API", .http(Self.anywhere, "CONNECT \(api):80 HTTP/1.1", host: api)),
        ("another path of the API", .http(Self.anywhere, "GET /v1/agents HTTP/1.1", host: api)),
        ("a path that climbs", .http(Self.anywhere, "GET /v1/identity/../agents HTTP/1.1", host: api)),
        (
          "a host with a credential, another path",
          .http(Self.anywhere, "GET /v2/x HTTP/1.1", host: "\(names.keyedHost).lobstack.internal")
        ),
        (
          "a host with a credential, another method",
          .http(Self.anywhere, "PUT /v1/x HTTP/1.1", host: "\(names.keyedHost).lobstack.internal")
        ),
      ] + addressForms.map { ("the host \($0)", .http(Self.anywhere, "GET / HTTP/1.1", host: $0)) }
    let target = stage.withControl.target
    let allowed = Dial.http(Self.anywhere, "GET /v1/identity HTTP/1.1", host: api)
    let http2 = [(api, "/v1/identity"), (off, "/")].map {
      Dial(address: Self.anywhere, port: 80, bytes: PlainHTTP2.request(host: $0, path: $1))
    }
    let answers = try await target.dial([allowed] + http2 + attempts.map(\.1))
    let way: (Dial.Answer) -> String? = { answer in
      answer.status.flatMap { (200..<300).contains($0) ? "answered with \($0)" : nil }
        ?? (answer.text.contains("lobstack witness") ? "the witness world answered" : nil)
    }
    let control = Self.outcome(answers[0], way)
    let way2: (Dial.Answer) -> String? = { PlainHTTP2.isSuccess($0.bytes) ? "answered with 200 over HTTP/2" : nil }
    return [
      Trial(
        "HTTP/2 in plain text to a host off the list", withoutControl: Self.outcome(answers[1], way2),
        withControl: Self.outcome(answers[2], way2))
    ]
      + attempts.enumerated().map { place, attempt in
        Trial(attempt.0, withoutControl: control, withControl: Self.outcome(answers[place + 3], way))
      }
  }

  // MARK: Other ports

  private func portTrials(_ stage: NetworkStage) async throws -> [Trial] {
    guard let far = IPAddress("198.51.101.9") else { throw NotTestable("no address to try") }
    let attacks = [22, 25, 853, 8080, 8443].map { NetworkAttack.connection(to: far, port: $0) }
    async let others = NetworkAttack.trials(attacks, on: stage)
    let own = AddressPlan(layout: fixtures.site.platform).serviceAddress
    // The same listeners take what comes by the way that leads to them.
    let ways: [(UInt16, ServicePort)] = [(80, .plain), (443, .tls), (53, .dns)]
    let dials =
      ways.map { Dial(address: Self.anywhere, port: $0.0, bytes: []) }
      + ways.map { Dial(address: own, port: $0.1.rawValue, bytes: []) }
    let answers = try await stage.withControl.target.dial(dials)
    func outcome(_ answer: Dial.Answer) -> AttackOutcome {
      answer == .noConnection ? .prevented("no connection") : .succeeded("a connection was made")
    }
    return try await others
      + ways.indices.map { place in
        Trial(
          "the platform's port \(ways[place].1.rawValue) past port \(ways[place].0)",
          withoutControl: outcome(answers[place]), withControl: outcome(answers[place + ways.count]))
      }
  }

  // MARK: Where there is an Internet

  /// On a second platform whose Internet is the witness world: a name on the list is reached there, others are not.
  private func worldTrials() async throws -> [Trial] {
    let platform = try await fixtures.harmed.value
    guard let far = IPAddress("93.184.215.14") else { throw NotTestable("no address to try") }
    return try await platform.turn.take {
      func hello(_ name: String) -> Dial {
        Dial(address: Self.anywhere, port: 443, bytes: ClientHello(serverName: name).bytes)
      }
      let open = hello(platform.names.host(at: far))
      let control = try await platform.reach(open, at: far)
      let label = NameServer.label(of: far)
      return [
        Trial(
          "a host off the list that exists", withoutControl: control,
          withControl: try await platform.reach(hello("\(label).\(platform.names.unlistedHost)"), at: far)),
        Trial(
          "a name that only begins like one of the list", withoutControl: control,
          withControl: try await platform.reach(hello("\(label).\(platform.names.domain).evil.example"), at: far)),
      ]
    }
  }
}

extension HarmedPlatform {
  /// Lets the agent make a try, and asks the witness world whether the node proxy came to an address for it.
  func reach(_ dial: Dial, at address: IPAddress, byProgram: Bool = false) async throws -> AttackOutcome {
    func arrivals() -> Int { world.arrivals.count { $0.destination == address && $0.port == 443 } }
    let before = arrivals()
    let answer = try await target.dial([dial], byProgram: byProgram)[0]
    let arrived = arrivals() - before
    if answer.text.contains("lobstack witness") || arrived > 0 {
      return .succeeded("\(arrived) packets reached \(address), \(answer.bytes.count) bytes came back")
    }
    return .prevented("the connection was closed, and nothing reached \(address)")
  }
}
