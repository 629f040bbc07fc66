import AgentModel
import Planning
import Testing

@Suite("The plan") struct PlanTests {
  let uid = AgentUID.random()

  private func steps(
    _ wish: Desired.Wish, _ found: Found?, generation: Int64 = 1, policyGeneration: Int64? = nil
  ) -> [Step] {
    var found = found
    // What is not the subject of a test matches.
    let generationFound = found?.generation
    if policyGeneration == nil { found?.policyGeneration = generationFound }
    let desired = Desired(uid: uid, generation: generation, policyGeneration: policyGeneration, wish: wish)
    return plan(desired: [desired], found: found.map { [$0] } ?? []).first?.steps ?? []
  }

  @Test("launches what is missing") func launches() {
    #expect(steps(.run, nil) == [.launch(generation: 1)])
  }

  @Test("is empty when the machine already matches") func settles() {
    #expect(steps(.run, Found(uid: uid, sandbox: .running, generation: 1, hasNetwork: true, hasFiles: true)) == [])
    #expect(steps(.stop, Found(uid: uid, hasFiles: true)) == [])
  }

  @Test("changes what is enforced round a running sandbox without replacing it") func appliesPolicy() {
    var found = Found(
      uid: uid, sandbox: .running, generation: 1, policyGeneration: 1, hasNetwork: true, hasFiles: true)
    #expect(steps(.run, found, policyGeneration: 2) == [.applyPolicy(generation: 2)])
    found.policyGeneration = 2
    #expect(steps(.run, found, policyGeneration: 2) == [])
    // A node that starts anew does not know, and tells proxy and resolver once more.
    found.policyGeneration = nil
    #expect(steps(.run, found, policyGeneration: 2) == [.applyPolicy(generation: 2)])
    #expect(steps(.run, found, generation: 3, policyGeneration: 3).last == .launch(generation: 3))
  }

  @Test("replaces a sandbox of an older generation") func replaces() {
    let found = Found(uid: uid, sandbox: .running, generation: 1, hasNetwork: true, hasFiles: true)
    #expect(steps(.run, found, generation: 2) == [.stop, .removeSandbox, .cutOff, .launch(generation: 2)])
  }

  @Test("keeps the workspace of an agent that is stopped") func stops() {
    let found = Found(uid: uid, sandbox: .running, generation: 1, hasNetwork: true, hasFiles: true)
    #expect(steps(.stop, found) == [.stop, .removeSandbox, .cutOff])
  }

  @Test("ends and cuts off, but never erases, an agent that nobody asked for") func orphan() {
    let found = Found(uid: uid, sandbox: .running, hasNetwork: true, hasFiles: true)
    #expect(plan(desired: [], found: [found]).first?.steps == [.stop, .removeSandbox, .cutOff])
  }

  @Test("erases only what is to be destroyed, last") func destroys() {
    let found = Found(uid: uid, sandbox: .running, generation: 1, hasNetwork: true, hasFiles: true)
    #expect(
      steps(.destroy, found) == [.stop, .removeSandbox, .cutOff, .destroyFiles, .confirmDestroyed])
    #expect(steps(.destroy, Found(uid: uid)) == [.confirmDestroyed])
  }

  @Test("records an exit before anything else is decided") func recordsExit() {
    let exit = AgentExit(code: 3)
    let found = Found(uid: uid, sandbox: .ended(exit), generation: 1, hasNetwork: true, hasFiles: true)
    #expect(steps(.run, found) == [.recordExit(exit), .removeSandbox])
  }

  @Test("waits out a back-off, and leaves a finished or failed agent alone") func waits() {
    #expect(steps(.run, Found(uid: uid, generation: 1, hasFiles: true, backingOff: true)) == [])
    let changed = Found(uid: uid, generation: 1, hasFiles: true, backingOff: true)
    #expect(steps(.run, changed, generation: 2) == [.launch(generation: 2)], "the back-off is the old generation's")
    #expect(steps(.run, Found(uid: uid, generation: 1, hasFiles: true, completedGeneration: 1)) == [])
    #expect(steps(.run, Found(uid: uid, hasFiles: true, failedGeneration: 1)) == [])
    #expect(
      steps(.run, Found(uid: uid, hasFiles: true, failedGeneration: 1), generation: 2) == [.launch(generation: 2)])
  }

  @Test("clears a half-made sandbox before it tries again") func halfMade() {
    let found = Found(uid: uid, sandbox: .halfMade, generation: 1, hasNetwork: true, hasFiles: true)
    #expect(steps(.run, found) == [.removeSandbox, .cutOff, .launch(generation: 1)])
  }

  @Test("ends agents before it starts any, in a fixed order") func order() {
    let others = (0..<5).map { _ in AgentUID.random() }
    let desired = others.map { Desired(uid: $0, generation: 1, wish: .run) }
    let found = [Found(uid: uid, sandbox: .running, hasNetwork: true)]
    let first = plan(desired: desired, found: found)
    #expect(first.first?.uid == uid)
    #expect(first.dropFirst().map(\.uid) == others.sorted())
    #expect(plan(desired: desired.reversed(), found: found) == first)
  }
}

@Suite("A restart") struct RestartTests {
  @Test(
    "follows the agent's policy",
    arguments: [
      (AgentSpec.RestartPolicy.always, Int32(0), true), (.always, 1, true), (.onFailure, 0, false),
      (.onFailure, 1, true),
      (.never, 1, false),
    ])
  func policy(policy: AgentSpec.RestartPolicy, code: Int32, restarts: Bool) {
    #expect(policy.restarts(after: AgentExit(code: code)) == restarts)
  }

  @Test("waits longer each time, up to five minutes, and starts anew after a good run") func backOff() {
    var backOff = RestartBackOff()
    let delays = (0..<12).map { _ in backOff.delay(afterRunOf: .seconds(1)) }
    #expect(delays.prefix(4) == [.zero, .seconds(1), .seconds(2), .seconds(4)])
    #expect(delays.last == .seconds(300))
    #expect(backOff.delay(afterRunOf: .seconds(61)) == .zero)
  }
}
