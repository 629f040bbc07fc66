import Testing

@testable import Verification

@Suite("The verdict") struct FindingTests {
  private static let worked = AttackOutcome.succeeded("the file appeared")
  private static let stopped = AttackOutcome.prevented("no file appeared")
  private static let silence = AttackOutcome.unknown("the listener died")

  @Test("is PROVEN when the attack works without the control and fails with it")
  func proven() {
    let finding = Finding([Trial("write", withoutControl: Self.worked, withControl: Self.stopped)])
    #expect(finding.verdict == .proven)
    #expect(finding.prevented == true)
    #expect(
      finding.evidence == [
        "write: without the control: the file appeared", "write: on the platform: no file appeared",
      ])
  }

  @Test("is NOT TESTABLE when the control experiment fails", arguments: [stopped, silence])
  func controlFails(_ outcome: AttackOutcome) {
    let finding = Finding([Trial("write", withoutControl: outcome, withControl: Self.stopped)])
    #expect(finding.verdict == .notTestable)
    #expect(finding.prevented == nil)
    #expect(finding.evidence.first?.contains("does not work even without the control") == true)
  }

  @Test(
    "is FAILED when the attack works on the platform, whatever the control experiment says",
    arguments: [worked, stopped, silence])
  func attackWorks(_ outcome: AttackOutcome) {
    let finding = Finding([Trial("write", withoutControl: outcome, withControl: Self.worked)])
    #expect(finding.verdict == .failed)
    #expect(finding.prevented == false)
  }

  @Test("is FAILED when evidence is missing", arguments: [silence, .prevented("")])
  func missingEvidence(_ outcome: AttackOutcome) {
    #expect(Finding([Trial("write", withoutControl: Self.worked, withControl: outcome)]).verdict == .failed)
  }

  @Test("is FAILED when no attack was made") func noAttack() {
    #expect(Finding([]).verdict == .failed)
  }

  @Test("is that of the worst trial, with its evidence") func worst() {
    let good = Trial("read", withoutControl: Self.worked, withControl: Self.stopped)
    let untestable = Trial("write", withoutControl: Self.stopped, withControl: Self.stopped)
    let bad = Trial("run", withoutControl: Self.worked, withControl: Self.worked)
    #expect(Finding([good, untestable]).verdict == .notTestable)
    let finding = Finding([good, untestable, bad])
    #expect(finding.verdict == .failed)
    #expect(finding.evidence == ["run: SUCCEEDED on the platform: the file appeared"])
  }

  @Test("takes an attack that throws for one of which nothing is known") func throwing() async throws {
    struct Broken: Error {}
    let enforced = try await Trial.run("write", withoutControl: { Self.worked }, withControl: { throw Broken() })
    #expect(enforced.verdict == .failed)
    let control = try await Trial.run("write", withoutControl: { throw Broken() }, withControl: { Self.stopped })
    #expect(control.verdict == .notTestable)
  }
}
