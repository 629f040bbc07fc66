import APIModel
import Faults
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Verification

/// AUD-1 to 3: what the cluster's recorder keeps of what was done, asked as the control plane asks it.
struct AuditChecks: Sendable {
  let site: ClusterSite
  let stage: Shared<Stage>
  let caller: Shared<APICaller>
  /// Whose values are looked for, where there are any.
  let secrets: Shared<SecretsStage>

  /// A sentinel reports an alert when it raises it.
  private static let patience = Duration.seconds(20)

  var all: [Check] {
    [
      Check(
        "AUD-1", layer: "audit", title: "what the control plane does and refuses, and every alert, is recorded",
        deadline: ClusterVerify.stageDeadline, isLong: true, body: recorded),
      Check(
        "AUD-2", layer: "audit", title: "a changed, dropped, moved or cut record is found",
        deadline: .seconds(180), isLong: true, body: tampering),
      // Last: it looks for what all others have used.
      Check(
        "AUD-3", layer: "audit", title: "no token and no secret's value is in the log, nor in what the programs write",
        deadline: SecretsStage.startLimit + .seconds(120), isAlone: true, isLong: true, body: values),
    ]
  }

  // MARK: AUD-1

  private func recorded() async throws -> Finding {
    let caller = try await caller.value
    let stage = try await stage.value
    let log = try await RecordedLog.open(site)
    if let fault = try await caller.makeAgent(.recorded, as: caller.allowed) {
      throw NotTestable("the control plane makes no Agent for who may: \(oneLine(fault.reason))")
    }
    let refusal = try await caller.makeAgent(.refused, as: caller.stranger)
    guard refusal?.code == .denied else {
      throw NotTestable("who may nothing is not refused: \(oneLine(refusal?.reason ?? "the Agent was made"))")
    }
    var finding = Finding([
      try await changes(log, caller, past: stage.victim.pod.name), try await refusals(log, caller),
      try await alerts(log, stage.attacker, quiet: stage.control),
    ])
    finding.audited = finding.verdict == .proven
    return finding
  }

  private func target(_ name: String) -> String { "agent \(site.tenant)/\(name)" }

  private func changes(_ log: RecordedLog, _ caller: APICaller, past: String) async throws -> Trial {
    let (made, other) = (target(site.agentName(.recorded)), target(past))
    let found = try await log.record(within: .seconds(2)) {
      $0.action == "agent.create" && $0.target == made && $0.actor == caller.allowed.name && $0.outcome == "allowed"
    }
    let unrecorded = try await log.record(within: .zero) { $0.action == "agent.create" && $0.target == other }
    return Trial(
      "make an Agent without a record",
      withoutControl: unrecorded == nil
        ? .succeeded("an Agent that was made past the control plane is not in the log")
        : .unknown("one that was made past the control plane is in the log"),
      withControl: found.map { .prevented("record \($0.index): \($0.action) of \($0.target) by \($0.actor)") }
        ?? .succeeded("the control plane made \(made), and the log has nothing of it"))
  }

  private func refusals(_ log: RecordedLog, _ caller: APICaller) async throws -> Trial {
    let name = site.agentName(.refused)
    let found = try await log.record(within: .seconds(2)) {
      $0.outcome == "denied" && $0.actor == caller.stranger.name && $0.target.hasSuffix("/\(name)")
    }
    return Trial(
      "be refused without a record",
      withoutControl: .succeeded("who may nothing asked for an Agent, and was refused"),
      withControl: found.map { .prevented("record \($0.index): '\($0.target)' by \($0.actor) is \($0.outcome)") }
        ?? .succeeded("the log has nothing of what \(caller.stranger.name) asked for"))
  }

  private func alerts(_ log: RecordedLog, _ attacker: Stage.Actor, quiet: Stage.Actor) async throws -> Trial {
    let sentinel = SentinelLog(site: site)
    try await sentinel.requireSentinel()
    let told = try await sentinel.first(
      on: attacker.node, since: DetectionChecks.before, within: Self.patience
    ) { SentinelLog.isOf(attacker.pod.name, $0) }
    let (of, rule) = (target(attacker.pod.name), told.alert?["rule"]?.string ?? "")
    let found = try await log.record(within: Self.patience) {
      $0.action == "alert.raise" && $0.target == of && $0.details["rule"] == rule
    }
    return Trial(
      "raise an alert without a record",
      withoutControl: rule.isEmpty
        ? .unknown("the sentinel told of none") : .succeeded("the sentinel told of '\(rule)' on its own output"),
      withControl: found.map { .prevented("record \($0.index) of \($0.actor): '\(rule)' of \($0.target)") }
        ?? .succeeded("the log has no '\(rule)' of \(of)"))
  }

  // MARK: AUD-2

  private func tampering() async throws -> Finding {
    let log = try await RecordedLog.open(site)
    let first = try await log.checkpoint()
    // A refusal is a record, so that the log grows between the two.
    let caller = try await caller.value
    _ = try await caller.makeAgent(.tampering, as: caller.stranger)
    let second = try await log.checkpoint()
    guard second.size > 1, second.size > first.size else {
      throw NotTestable("the log did not grow: it has \(first.size) records, and then \(second.size)")
    }
    let (last, before) = try await (log.proof(of: second.size - 1), log.proof(of: second.size - 2))
    var finding = try ProofTampering(proof: last, neighbour: before, earlier: first).finding()
    guard second.size <= RecordedLog.mostLeaves else {
      finding.evidence.append("the log has \(second.size) records, too many to build its tree anew")
      return finding
    }
    let leaves = try await log.records(from: 0).map(\.leafHash)
    return Finding.joined(finding, TreeTampering(leaves: leaves, first: first, second: second).finding())
  }

  // MARK: AUD-3

  private func values() async throws -> Finding {
    let caller = try await caller.value
    if let fault = try await caller.makeAgent(.values, as: caller.allowed) {
      throw NotTestable("the control plane makes no Agent for who may: \(oneLine(fault.reason))")
    }
    let canaries: SecretsStage? = site.secretsManager == nil ? nil : try await secrets.value
    let log = try await RecordedLog.open(site)
    let (records, isCut) = try await log.newest()
    guard !isCut else { throw RecordedLog.cut }
    let kept = "\(records.count) records"
    var texts = [kept: try APIJSON.encode(records)]
    let output = ProgramOutput(site: site)
    let written = try await output.texts(of: site.values.namespaces.controlPlane)
    for text in written { texts[text.place] = text.bytes }
    let callee = written.filter { $0.program == "control-plane" }.map(\.place)
    var known = [Known(caller.allowed.name, in: [kept]), Known(caller.allowed.name, in: callee)]
    var hidden = [caller.allowed.token, caller.stranger.token, log.token].map(Self.proof)
    if let canaries {
      let written = try await output.texts(of: site.values.namespaces.vault)
      for text in written { texts[text.place] = text.bytes }
      // A path is no secret, and OpenBao's own log has it.
      known.append(Known("\(canaries.name)", in: written.map(\.place)))
      hidden += canaries.canaries.all
    }
    return Finding([Self.judgement(texts, known: known, hidden: hidden)])
  }

  /// Of a token (RFC 7515) the part that makes it one; its claims are in every log.
  static func proof(_ token: String) -> String { token.split(separator: ".").last.map(String.init) ?? token }

  /// A word that a search finds in one of these places, or it is blind there.
  struct Known: Sendable {
    let word: String
    let places: [String]

    init(_ word: String, in places: [String]) { (self.word, self.places) = (word, places) }
  }

  static func judgement(_ texts: [String: [UInt8]], known: [Known], hidden: [String]) -> Trial {
    let missing = known.filter { known in
      let spellings = Spellings(known.word)
      return !known.places.contains { spellings.isIn(texts[$0] ?? []) }
    }
    let spellings = hidden.map(Spellings.init)
    let found = texts.filter { text in spellings.contains { $0.isIn(text.value) } }.keys.sorted()
    return Trial(
      "read a token or a secret in what is written down",
      withoutControl: missing.isEmpty
        ? .succeeded("who asked, and for what, is there: \(Set(known.map(\.word)).sorted().joined(separator: ", "))")
        : .unknown(
          missing.map {
            "not even \($0.word) is found in \($0.places.isEmpty ? "any output" : $0.places.joined(separator: ", "))"
          }
          .joined(separator: "; ")),
      withControl: found.isEmpty
        ? .prevented("none of \(hidden.count) is in \(texts.keys.sorted().joined(separator: ", "))")
        : .succeeded("in \(found.joined(separator: ", "))"))
  }
}
