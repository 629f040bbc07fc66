import APIClient
import APIModel
import AgentModel
import Faults
import Foundation
import Glibc
import Storage
import Turns

/// AUD and REL: the record of what was done, and what outlives a crash.
struct RecordChecks: Sendable {
  let fixtures: Fixtures

  var all: [Check] {
    [
      Check(
        "AUD-1", layer: "audit", title: "every create and exec is recorded", body: recorded),
      Check(
        "AUD-2", layer: "audit", title: "a changed, dropped, moved or cut record is found and named",
        body: tampering),
      Check(
        "AUD-4", layer: "audit", title: "what cannot be recorded is refused", deadline: .seconds(55), body: unwritable),
      Check(
        "REL-1", layer: "reliability", title: "a killed platform leaves its agents running and takes them up again",
        deadline: .seconds(55), body: killed),
    ]
  }

  // MARK: AUD-1

  private func recorded() async throws -> Finding {
    let agents = try await fixtures.agents.value
    let target = try await fixtures.first.value
    let id = try agents.name("a")
    let marker = randomText()
    var finding = Finding([
      try await Trial.run("act without a trace") {
        // Past the API, by whoever is root on the host already: such an act must not be in the log, or the search
        // below would prove nothing.
        let open = try await fixtures.open.value.target
        _ = try await open.run(": \(marker)-past")
        let found = try await agents.client.recentRecord(of: nil) {
          $0.details.values.contains { $0.contains("\(marker)-past") }
        }
        return found == nil ? .succeeded("an exec past the API is not in the log") : .prevented("it is in the log")
      } withControl: {
        _ = try await target.run(": \(marker)")
        do {
          guard let create = try await agents.client.recentRecord(of: id, fits: { $0.action == "agent.create" }) else {
            return .succeeded("the creation of \(id) is not in the log")
          }
          let exec = try await agents.client.recentRecord(of: id) {
            $0.action == "agent.exec" && $0.details.values.contains { $0.contains(marker) }
          }
          guard let exec else { return .succeeded("the exec in \(id) is not in the log") }
          return .prevented("record \(create.index) has the creation of \(id), record \(exec.index) the exec in it")
        } catch let fault as Fault where fault.operation.contains("of the audit log") {
          // Said to be recorded, and not there.
          return .succeeded("the exec was done, and the log does not give its record back: \(fault.reason)")
        }
      }
    ])
    finding.audited = finding.verdict == .proven
    return finding
  }

  // MARK: AUD-2

  private func tampering() async throws -> Finding {
    // Its own records come first, so that a fresh platform has some.
    _ = try await fixtures.first.value
    let copy = try AuditCopy(of: fixtures.site.platform.auditDirectory, in: "\(fixtures.site.directory)/audit")
    let untouched = try copy.verify(copy.log.bytes)
    guard untouched.ok else {
      let place = untouched.firstBad.map { "record \($0.index): \($0.reason)" } ?? "no reason given"
      return Finding(.failed, evidence: ["the platform's own log does not verify: \(place)"])
    }
    let sealed = copy.log.frames.filter { $0.kind == .record && $0.index < untouched.size }
    guard sealed.count >= 4 else { throw NotTestable("the log has \(sealed.count) sealed records, 4 are needed") }
    let victim = sealed[sealed.count / 2]
    let next = sealed[sealed.count / 2 + 1]
    let alterations: [(String, UInt64, [UInt8])] = [
      ("change one byte of record \(victim.index)", victim.index, copy.log.flipping(victim)),
      ("drop record \(victim.index)", victim.index, copy.log.dropping(victim)),
      ("exchange records \(victim.index) and \(next.index)", victim.index, copy.log.exchanging(victim, next)),
      ("cut the log off after record \(victim.index - 1)", victim.index, copy.log.cutting(at: victim)),
    ]
    let trials = try alterations.map { name, index, bytes in
      Trial(
        name, withoutControl: readWithoutVerifying(bytes, original: copy.log),
        withControl: try outcome(try copy.verify(bytes), expected: index))
    }
    return Finding(trials)
  }

  /// Someone who only reads the records notices nothing.
  private func readWithoutVerifying(_ bytes: [UInt8], original: AuditBytes) -> AttackOutcome {
    let read = AuditBytes(bytes)
    guard bytes != original.bytes, !read.frames.isEmpty else { return .prevented("the log was not altered") }
    return .succeeded("a reader that does not verify takes the altered log with \(read.records) records")
  }

  private func outcome(_ verification: AuditVerification, expected: UInt64) throws -> AttackOutcome {
    guard !verification.ok else { return .succeeded("the altered log verifies") }
    guard let bad = verification.firstBad else { return .unknown("the log does not verify, but nothing is named") }
    guard bad.index == expected else {
      return .succeeded("record \(bad.index) is named (\(bad.reason)) instead of \(expected)")
    }
    return .prevented("found: record \(bad.index), \(bad.reason)")
  }

  // MARK: AUD-4

  private func unwritable() async throws -> Finding {
    let platform = try await fixtures.harmed.value
    return try await platform.turn.take { try await fillAndTry(platform) }
  }

  /// The act is an exec, which needs no other file of the platform than the audit log, and which leaves a line in the
  /// sandbox's own memory: so its effect shows when its record does not.
  private func fillAndTry(_ platform: HarmedPlatform) async throws -> Finding {
    let before = try await acts(platform, "before", most: 2)
    try platform.fillAuditDisk()
    let during: Acts
    do {
      // The log's last block may still have room for some records.
      during = try await acts(platform, "during", most: 60)
    } catch {
      platform.emptyAuditDisk()
      throw error
    }
    platform.emptyAuditDisk()
    try await platform.waitUntilReady()
    guard try await takesWorkAgain(platform) else {
      return Finding(.failed, evidence: ["the platform takes no work again after the disk has room"])
    }
    let done = try await platform.target.run("cat /tmp/acts").output.split(separator: "\n").map(String.init)
    let unrecorded = await done.filter { $0.hasPrefix("during") }.asyncFilter { act in
      // A log that does not give a record back has none.
      (try? await platform.agents.client.recentRecord(of: platform.agent) {
        $0.action == "agent.exec" && $0.details.values.contains { $0.contains("\(act) ") }
      }) == nil
    }
    let withControl: AttackOutcome =
      if let act = unrecorded.first {
        .succeeded("act '\(act)' was done and is not in the log")
      } else if let refused = during.refused, done.contains(refused) {
        .succeeded("act '\(refused)' was refused and done all the same")
      } else if let refusal = during.refusal {
        .prevented("after \(during.accepted.count) recorded acts the disk was full; the next was refused: \(refusal)")
      } else {
        .succeeded("\(during.accepted.count) acts were accepted on a full disk")
      }
    let withoutControl: AttackOutcome =
      before.refusal == nil && before.accepted.allSatisfy(done.contains)
      ? .succeeded("with room on the disk the same act is done")
      : .prevented("with room on the disk the act was refused: \(before.refusal ?? "it left no line")")
    var finding = Finding([
      Trial("act while the log cannot be written", withoutControl: withoutControl, withControl: withControl)
    ])
    finding.evidence.append("with room on the disk the platform took work again by itself")
    return finding
  }

  private struct Acts: Sendable {
    var accepted: [String] = []
    var refused: String?
    var refusal: String?
  }

  /// Acts until one is refused.
  private func acts(_ platform: HarmedPlatform, _ word: String, most: Int) async throws -> Acts {
    var result = Acts()
    for number in 0..<most {
      let act = "\(word)-\(number)"
      do {
        _ = try await platform.target.run("echo \(act) >> /tmp/acts")
        result.accepted.append(act)
      } catch let fault as Fault {
        result.refused = act
        result.refusal = "\(fault.reason)"
        return result
      }
    }
    return result
  }

  private func takesWorkAgain(_ platform: HarmedPlatform) async throws -> Bool {
    for number in 0..<60 {
      if try await acts(platform, "after\(number)", most: 1).refusal == nil { return true }
      try await Task.sleep(for: .milliseconds(250))
    }
    return false
  }

  // MARK: REL-1

  private func killed() async throws -> Finding {
    let platform = try await fixtures.harmed.value
    return try await platform.turn.take { try await killAndWatch(platform) }
  }

  private func killAndWatch(_ platform: HarmedPlatform) async throws -> Finding {
    let client = platform.agents.client
    let before = try await platform.sandbox()
    guard let node = platform.process("node"), let controlPlane = platform.process("control-plane") else {
      throw NotTestable("the second platform's processes were not found")
    }
    // Acknowledged, and not yet acted on when the blow comes.
    let last = try platform.agents.name("acknowledged")
    _ = try await client.createAgent(
      document: platform.agents.document(last, image: "\(platform.image)-absent", canary: "none"))
    let restarts = try await client.agent(platform.agent).status.restarts
    let size = try await client.status().audit?.size ?? 0
    for process in [node, controlPlane] { kill(process.pid, SIGKILL) }
    let start = ContinuousClock.now
    while [node, controlPlane].contains(where: \.isRunning), start.duration(to: .now) < .seconds(5) {
      try await Task.sleep(for: .milliseconds(20))
    }
    let died = [node, controlPlane].allSatisfy { !$0.isRunning }
    let isAlive = try await Heartbeat(of: platform.target).beats() && before.isRunning
    try await platform.waitUntilReady(limit: .seconds(40))
    let agent = try await platform.agents.waitUntilRunning(platform.agent, limit: .seconds(20))
    let recovery = start.duration(to: .now).milliseconds
    let answer = try await answered(platform)
    let process = try await platform.target.process()
    let verification = try AuditFile.verify(directory: platform.layout.auditDirectory)
    let outcome: AttackOutcome =
      if !isAlive {
        .succeeded("the agent's process \(before.pid) stopped with the platform")
      } else if process != before.pid || agent.status.restarts != restarts {
        .succeeded("the agent was restarted instead of re-adopted: process \(before.pid) became \(process ?? 0)")
      } else if !answer {
        .succeeded("the agent does not answer after the recovery")
      } else if (try? await client.agent(last)) == nil {
        .succeeded("\(last) was acknowledged and is lost")
      } else if !verification.ok || verification.size < size {
        .succeeded("the audit log has \(verification.size) good records of \(size)")
      } else {
        .prevented(
          "process \(before.pid) ran on with its heart beating, was re-adopted \(recovery) ms after the blow and "
            + "answers; the agent acknowledged last and all \(size) audit records are there")
      }
    let control: AttackOutcome =
      died
      ? .succeeded("kill -9 ended node \(node.pid) and control plane \(controlPlane.pid)")
      : .prevented("the processes outlived kill -9")
    return Finding([Trial("kill node and control plane", withoutControl: control, withControl: outcome)])
  }

  private func answered(_ platform: HarmedPlatform) async throws -> Bool {
    for _ in 0..<20 {
      // The node may answer a little later than the control plane.
      if let result = try? await platform.target.run("cat /tmp/canary"), result.output.contains(platform.target.canary)
      {
        return true
      }
      try await Task.sleep(for: .milliseconds(250))
    }
    return false
  }
}

extension Array {
  fileprivate func asyncFilter(_ isIncluded: (Element) async throws -> Bool) async rethrows -> [Element] {
    var result: [Element] = []
    for element in self where try await isIncluded(element) { result.append(element) }
    return result
  }
}
