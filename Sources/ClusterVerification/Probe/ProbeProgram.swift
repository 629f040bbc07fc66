import Foundation
import Glibc
import Verification

/// The program in a probe's Pod: it carries out its plan, tells of it line by line, and goes on listening until it is ended.
package struct ProbeProgram {
  private let plan: ProbePlan
  private let tell: (ProbeLine) -> Void

  /// - Parameter tell: called with each line.
  package init(_ plan: ProbePlan, tell: @escaping (ProbeLine) -> Void) {
    self.plan = plan
    self.tell = tell
  }

  /// Never returns.
  package func serve() -> Never {
    // As the first process of its Pod it would not be ended by it.
    signal(SIGTERM) { _ in _exit(0) }
    signal(SIGPIPE, SIG_IGN)
    let listeners = carryOut()
    if let prefix = plan.secretSearch {
      // What comes to the Pod, or to its neighbours, comes when it likes.
      for round in 1..<SecretSearch.mostRounds {
        _ = listeners.serve(for: SecretSearch.pause)
        SecretSearch(prefix: prefix).search(say, round: round)
      }
    }
    while true { _ = listeners.serve(for: 3_600_000) }
  }

  /// Does all that the plan says.
  ///
  /// - Returns: what listens on its ports.
  func carryOut() -> ProbeListeners {
    let listeners = ProbeListeners(plan.ports, canary: plan.canary)
    for failure in listeners.failures { say("listen", false, failure) }
    ProbeSearch.leave(plan.canary)
    ProbeLook(files: plan.files).look(say)
    if let prefix = plan.secretSearch { SecretSearch(prefix: prefix).search(say) }
    knock(listeners)
    for deed in plan.deeds { commit(deed) }
    search()
    knockAtLast(listeners)
    for bomb in plan.bombs { ProbeBombs(say: say).set(off: bomb) }
    say(ProbeLine.end, true, "")
    return listeners
  }

  private func say(_ id: String, _ isDone: Bool, _ text: String) { say(id, isDone, text, nil) }

  private func say(_ id: String, _ isDone: Bool, _ text: String, _ answer: Data?) {
    tell(ProbeLine(nonce: plan.nonce, id: id, isDone: isDone, text: text, answer: answer))
  }

  // MARK: Knocking

  /// Twice: what a packet got lost of is not closed, and what is closed late was open at first.
  private func knock(_ listeners: ProbeListeners) {
    for round in 1...2 {
      var addresses: [String: String] = [:]
      let (dependent, first) = plan.knocks.partitioned { $0.address.hasPrefix(Self.answerPrefix) }
      for knock in ProbeKnocks(first).outcomes(while: listeners) {
        addresses[knock.id] = address(in: knock)
        say(knock.id, knock.isDone, "\(knock.text) (round \(round))", knock.answer)
      }
      let next = dependent.compactMap { knock -> ProbePlan.Knock? in
        var known = knock
        let id = String(knock.address.dropFirst(Self.answerPrefix.count))
        guard let address = addresses[id] else {
          say(knock.id, false, "there is no address of it")
          return nil
        }
        known.address = address
        return known
      }
      for knock in ProbeKnocks(next).outcomes(while: listeners) {
        say(knock.id, knock.isDone, "\(knock.text) (round \(round))", knock.answer)
      }
      if round == 1 { _ = listeners.serve(for: 2_000) }
    }
  }

  private static let answerPrefix = "answer:"

  /// In the DNS answer to a knock.
  private func address(in outcome: ProbeKnocks.Outcome) -> String? {
    guard let answer = outcome.answer, let query = plan.knocks.first(where: { $0.id == outcome.id })?.payload else {
      return nil
    }
    return NameAnswer([UInt8](answer), to: [UInt8](query))?.address?.description
  }

  private func search() {
    guard !plan.search.isEmpty else { return }
    let search = ProbeSearch(for: plan.search)
    let places = "\(search.processes) processes and \(search.files) files were looked at"
    for name in plan.search.keys.sorted() { say("search:\(name)", search.found.contains(name), places) }
  }

  // MARK: Deeds

  private func commit(_ deed: ProbePlan.Deed) {
    switch deed {
    case .open(let path):
      let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
      say("open:\(path)", file >= 0, file >= 0 ? "opened" : String(cString: strerror(errno)))
      if file >= 0 { close(file) }
    case .run(let name): run(name, [])
    case .runLong(let name, let kibibytes):
      // The kernel takes 128 KiB in a word at most.
      run(name, Array(repeating: String(repeating: "x", count: 64 << 10), count: kibibytes / 64))
    }
  }

  private func run(_ name: String, _ arguments: [String]) {
    let path = "/workspace/\(name)"
    if let why = TinyProgram.end.write(to: path) { return say("run:\(name)", false, why) }
    switch ProbeSpawn.start(path, arguments) {
    case .success(let process):
      process.end()
      say("run:\(name)", true, "it ran")
    case .failure(let why): say("run:\(name)", false, why.description)
    }
  }

  // MARK: Knocking at last

  private func knockAtLast(_ listeners: ProbeListeners) {
    guard !plan.late.isEmpty else { return }
    let clock = ContinuousClock()
    let start = clock.now
    var misses = 0
    while true {
      let outcomes = ProbeKnocks(plan.late).outcomes(while: listeners)
      let seconds = start.duration(to: clock.now).components.seconds
      // Once nobody answers for a moment, and once more: then it is cut off.
      misses = outcomes.contains(where: \.isDone) ? 0 : misses + 1
      if seconds >= plan.lateTime || misses == 3 {
        for outcome in outcomes {
          say(outcome.id, outcome.isDone, "\(outcome.text) (after \(seconds) s)", outcome.answer)
        }
        return
      }
      _ = listeners.serve(for: 500)
    }
  }
}

extension Array {
  /// Those of which it is so, and those of which it is not.
  fileprivate func partitioned(_ isSo: (Element) -> Bool) -> ([Element], [Element]) {
    (filter(isSo), filter { !isSo($0) })
  }
}
