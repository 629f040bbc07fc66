import AgentModel

/// What is asked of one agent on this machine.
package struct Desired: Hashable, Sendable {
  package enum Wish: Hashable, Sendable {
    case run, stop, destroy
  }

  package var uid: AgentUID
  /// The generation of what a sandbox is made from: another one means another sandbox.
  package var generation: Int64
  /// The generation of what is enforced round a sandbox while it runs; never below `generation`.
  package var policyGeneration: Int64
  package var wish: Wish
  package var restartPolicy: AgentSpec.RestartPolicy

  /// - Parameter policyGeneration: by default `generation`.
  package init(
    uid: AgentUID, generation: Int64, policyGeneration: Int64? = nil, wish: Wish,
    restartPolicy: AgentSpec.RestartPolicy = .always
  ) {
    self.uid = uid
    self.generation = generation
    self.policyGeneration = policyGeneration ?? generation
    self.wish = wish
    self.restartPolicy = restartPolicy
  }
}

/// What was found of one agent on this machine.
package struct Found: Hashable, Sendable {
  package enum Sandbox: Hashable, Sendable {
    case absent
    /// Created but not started: a creation that did not come to its end.
    case halfMade
    case running
    /// Its process ended; `nil` when the exit code was lost.
    case ended(AgentExit?)
  }

  package var uid: AgentUID
  package var sandbox: Sandbox
  /// The generation that the sandbox was made for; `nil` when unknown.
  package var generation: Int64?
  /// The generation whose policy is enforced round the running sandbox; `nil` when unknown.
  package var policyGeneration: Int64?
  package var hasNetwork: Bool
  package var hasFiles: Bool
  /// The last try for this generation failed before the program ran: only a change starts it again.
  package var failedGeneration: Int64?
  /// The program of this generation ended and must not run again by its restart policy.
  package var completedGeneration: Int64?
  /// The sandbox of this generation is held by a response to an alert: nothing about it changes by itself.
  package var heldGeneration: Int64?
  /// A restart has to wait until its back-off is over.
  package var backingOff: Bool

  package init(
    uid: AgentUID, sandbox: Sandbox = .absent, generation: Int64? = nil, policyGeneration: Int64? = nil,
    hasNetwork: Bool = false, hasFiles: Bool = false, failedGeneration: Int64? = nil, completedGeneration: Int64? = nil,
    heldGeneration: Int64? = nil, backingOff: Bool = false
  ) {
    self.uid = uid
    self.sandbox = sandbox
    self.generation = generation
    self.policyGeneration = policyGeneration
    self.hasNetwork = hasNetwork
    self.hasFiles = hasFiles
    self.failedGeneration = failedGeneration
    self.completedGeneration = completedGeneration
    self.heldGeneration = heldGeneration
    self.backingOff = backingOff
  }
}

/// One thing to do for an agent. The steps of one agent are done in order, each only when the one before succeeded.
package enum Step: Hashable, Sendable {
  /// End the sandbox's processes, politely first.
  case stop
  /// Note how the program ended and when it may run again.
  case recordExit(AgentExit?)
  /// Remove what is left of the sandbox.
  case removeSandbox
  /// Take away what it had beside its sandbox: network, identity, secrets, the key of its workspace.
  case cutOff
  /// Remove every file of the agent, its workspace included.
  case destroyFiles
  /// Image, files, network, sandbox, program: the whole way to a running agent.
  case launch(generation: Int64)
  /// Change what is enforced round the sandbox while it runs.
  case applyPolicy(generation: Int64)
  /// Report that nothing of the agent is left.
  case confirmDestroyed
}

/// The steps for one agent.
package struct AgentPlan: Hashable, Sendable {
  package let uid: AgentUID
  package let steps: [Step]

  package init(uid: AgentUID, steps: [Step]) {
    self.uid = uid
    self.steps = steps
  }
}

/// Decides what to change, and changes nothing: same input, same plans, in the same order.
///
/// Plans that only end things come first, so that a full machine frees room before it starts anything. An agent that
/// was found but is not desired is ended and cut off, but keeps its files: only a wish to destroy removes a workspace.
package func plan(desired: [Desired], found: [Found]) -> [AgentPlan] {
  let foundByUID = Dictionary(found.map { ($0.uid, $0) }) { first, _ in first }
  let desiredUIDs = Set(desired.map(\.uid))
  var plans: [AgentPlan] = []
  for found in found where !desiredUIDs.contains(found.uid) {
    plans.append(AgentPlan(uid: found.uid, steps: endingSteps(found)))
  }
  for desired in desired {
    let found = foundByUID[desired.uid] ?? Found(uid: desired.uid)
    plans.append(AgentPlan(uid: desired.uid, steps: steps(desired, found)))
  }
  return plans.filter { !$0.steps.isEmpty }.sorted { left, right in
    (left.launches ? 1 : 0, left.uid) < (right.launches ? 1 : 0, right.uid)
  }
}

extension AgentPlan {
  package var launches: Bool {
    steps.contains { step in
      if case .launch = step { true } else { false }
    }
  }
}

private func steps(_ desired: Desired, _ found: Found) -> [Step] {
  switch desired.wish {
  case .stop:
    return endingSteps(found)
  case .destroy:
    return endingSteps(found) + (found.hasFiles ? [.destroyFiles] : []) + [.confirmDestroyed]
  case .run:
    return runningSteps(desired, found)
  }
}

/// Ends whatever runs, and cuts it off.
private func endingSteps(_ found: Found) -> [Step] {
  var steps: [Step] = []
  switch found.sandbox {
  case .absent: break
  case .running: steps += [.stop, .removeSandbox]
  case .halfMade, .ended: steps += [.removeSandbox]
  }
  if found.hasNetwork { steps.append(.cutOff) }
  return steps
}

private func runningSteps(_ desired: Desired, _ found: Found) -> [Step] {
  // What holds a sandbox also sees to it that it does not run again by itself: `failedGeneration` is the same.
  if found.sandbox == .running, found.heldGeneration == desired.generation { return [] }
  guard found.failedGeneration != desired.generation else { return endingSteps(found) }
  switch found.sandbox {
  case .running where found.generation == desired.generation:
    return found.policyGeneration == desired.policyGeneration
      ? [] : [.applyPolicy(generation: desired.policyGeneration)]
  case .ended(let exit) where found.generation == desired.generation:
    // The exit is recorded first; whether and when it runs again is decided with what that noted.
    return [.recordExit(exit), .removeSandbox]
  case .absent:
    let isDone = found.completedGeneration == desired.generation
    if isDone { return found.hasNetwork ? [.cutOff] : [] }
    // The back-off is that of the generation that failed; a change starts at once.
    let waits = found.backingOff && found.generation == desired.generation
    return waits ? [] : [.launch(generation: desired.generation)]
  case .running, .halfMade, .ended:
    return endingSteps(found) + [.launch(generation: desired.generation)]
  }
}

extension AgentSpec.RestartPolicy {
  /// Whether a program that ended like this runs again. An exit that was lost counts as a failure.
  package func restarts(after exit: AgentExit?) -> Bool {
    switch self {
    case .always: true
    case .onFailure: exit?.code != 0
    case .never: false
    }
  }
}

/// The wait before a restart: nothing at first, then doubling from one second to five minutes, as kubelet does.
package struct RestartBackOff: Hashable, Sendable {
  /// Restarts in a row without a good run between them.
  package private(set) var count = 0

  package init() {}

  /// A run of at least this long counts as good and starts the count anew.
  package static let goodRun = Duration.seconds(60)
  private static let longest = Duration.seconds(300)

  package mutating func delay(afterRunOf ran: Duration) -> Duration {
    if ran >= Self.goodRun { count = 0 }
    count += 1
    guard count > 1 else { return .zero }
    let doublings = min(count - 2, 16)
    return min(.seconds(1 << doublings), Self.longest)
  }
}
