/// What came of one attack, told by a witness outside the sandbox.
package enum AttackOutcome: Sendable, Hashable {
  /// The attack did what it was to do; what the witness saw.
  case succeeded(String)
  /// The attack was made and came to nothing; what the witness saw.
  case prevented(String)
  /// Nobody can tell; why not.
  case unknown(String)

  package var evidence: String {
    switch self {
    case .succeeded(let text), .prevented(let text), .unknown(let text): text
    }
  }
}

/// One attack made twice: where the control is off, and on the platform.
package struct Trial: Sendable, Hashable {
  /// The attack in a few words: "write to the root file system".
  package var attack: String
  package var withoutControl: AttackOutcome
  package var withControl: AttackOutcome

  package init(_ attack: String, withoutControl: AttackOutcome, withControl: AttackOutcome) {
    self.attack = attack
    self.withoutControl = withoutControl
    self.withControl = withControl
  }

  /// Makes the attack at both places, at the same time. What throws is an attack of which nothing is known.
  package static func run(
    _ attack: String, withoutControl: @escaping @Sendable () async throws -> AttackOutcome,
    withControl: @escaping @Sendable () async throws -> AttackOutcome
  ) async throws -> Trial {
    async let control = outcome(withoutControl)
    async let enforced = outcome(withControl)
    return try await Trial(attack, withoutControl: control, withControl: enforced)
  }

  private static func outcome(_ body: @Sendable () async throws -> AttackOutcome) async throws -> AttackOutcome {
    do { return try await body() } catch {
      // A run that is being ended has no outcome, not even an unknown one.
      try Task.checkCancellation()
      return .unknown("\(error)")
    }
  }

  /// A success on the platform outweighs everything; a control experiment without success makes the rest worthless.
  package var verdict: Verdict {
    switch (withoutControl, withControl) {
    case (_, .succeeded): .failed
    case (.prevented, _), (.unknown, _): .notTestable
    case (.succeeded, .unknown): .failed
    case (.succeeded, .prevented(let evidence)): evidence.isEmpty ? .failed : .proven
    }
  }

  package var evidence: [String] {
    switch verdict {
    case .notTestable:
      ["\(attack): the attack does not work even without the control: \(told(withoutControl))"]
    case .failed:
      switch withControl {
      case .succeeded(let text): ["\(attack): SUCCEEDED on the platform: \(text)"]
      case .prevented, .unknown: ["\(attack): no evidence that it was prevented: \(told(withControl))"]
      }
    case .proven, .waived:
      ["\(attack): without the control: \(told(withoutControl))", "\(attack): on the platform: \(told(withControl))"]
    }
  }

  private func told(_ outcome: AttackOutcome) -> String {
    outcome.evidence.isEmpty ? "the witness said nothing" : outcome.evidence
  }
}

/// What a check found.
package struct Finding: Sendable, Hashable {
  package var verdict: Verdict
  package var prevented: Bool?
  package var detected: CheckReport.Detection?
  package var audited: Bool?
  package var responded: Bool?
  package var evidence: [String]

  package init(
    _ verdict: Verdict, prevented: Bool? = nil, detected: CheckReport.Detection? = nil, audited: Bool? = nil,
    responded: Bool? = nil, evidence: [String]
  ) {
    self.verdict = verdict
    self.prevented = prevented
    self.detected = detected
    self.audited = audited
    self.responded = responded
    self.evidence = evidence
  }

  /// The worst of the trials: one that failed makes the check fail, one that could not be tested leaves it untested.
  /// No trial is no evidence, and that is a failure.
  package init(_ trials: [Trial]) {
    let verdicts = trials.map(\.verdict)
    let verdict: Verdict =
      if verdicts.isEmpty || verdicts.contains(.failed) {
        .failed
      } else if verdicts.contains(.notTestable) {
        .notTestable
      } else {
        .proven
      }
    let succeeded = trials.contains {
      if case .succeeded = $0.withControl { true } else { false }
    }
    let telling = trials.filter { $0.verdict == verdict }
    self.init(
      verdict, prevented: succeeded ? false : verdict == .proven ? true : nil,
      evidence: trials.isEmpty ? ["no attack was made"] : telling.flatMap(\.evidence))
  }
}
