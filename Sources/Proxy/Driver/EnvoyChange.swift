import Faults
import Foundation

/// One change of an Envoy's files: written in order, watched until Envoy took it, undone when Envoy refuses it.
struct EnvoyChange {
  private let version: String
  private let wanted: FileSet
  private let files: EnvoyFiles
  private let admin: EnvoyAdmin
  private let logFile: String?
  private let logOffset: Int
  private let deadline: Duration
  private var end: ContinuousClock.Instant
  /// What is on disk; follows each write.
  private var live: FileSet
  /// What Envoy ran before.
  private var former: FileSet?
  /// The counts of each source at the moment before it was written.
  private var before: [EnvoyFile.Source: Subscriptions.Counts] = [:]

  init(
    _ wanted: [EnvoyFile], version: String, files: EnvoyFiles, admin: EnvoyAdmin, logFile: String?, deadline: Duration
  ) throws {
    self.version = version
    self.files = files
    self.admin = admin
    self.logFile = logFile
    self.deadline = deadline
    logOffset = Refusal.size(ofLog: logFile)
    end = .now + deadline
    live = try files.live()
    former = try files.accepted()
    self.wanted = try Self.fileSet(wanted, version: version, live: live, base: files.base)
  }

  mutating func run() async throws -> EnvoyDriver.Acknowledgement {
    guard let first = try await observe() else {
      try place(wanted)
      throw fault(
        .unavailable, "nobody answers at \(admin.socket); the files are written, and Envoy reads them when it starts",
        "see in its log why it does not run")
    }
    if first.accepts(live), live != former {
      try files.accept(live, after: former)
      former = live
    }
    do {
      let last = try await put(wanted)
      try files.accept(live, after: former)
      return EnvoyDriver.Acknowledgement(
        version: version, versions: live.mapValues(\.version), activeListeners: last.activeListeners)
    } catch let refused as Refused {
      throw await undo(refused)
    } catch is Vanished {
      try place(former ?? files.base)
      throw fault(
        .unavailable, "Envoy ended meanwhile and was not back within \(deadline); the former files are in place again",
        "see in its log why it ended")
    }
  }

  private struct Refused: Error { let sources: [EnvoyFile.Source] }
  private struct Vanished: Error {}

  /// Writes kind after kind, each once Envoy took the one before, and removes what is not in the set when it runs.
  private mutating func put(_ set: FileSet) async throws -> Subscriptions {
    for kind in EnvoyFile.Kind.allCases {
      let changed = set.filter { $0.key.kind == kind && live[$0.key] != $0.value }
      if changed.isEmpty { continue }
      let now = try await observe()
      for source in changed.keys { before[source] = now?[source] ?? .zero }
      try write(changed)
      // Nothing subscribes yet to what only a later file refers to.
      _ = try await answers(to: changed.filter { now?[$0.key] != nil })
    }
    let last = try await answers(to: set, warm: true)
    try removeAll(but: set)
    return last
  }

  /// Waits until Envoy accepted the files and, if asked, all its listeners serve.
  private func answers(to files: FileSet, warm: Bool = false) async throws -> Subscriptions {
    var pause = Duration.milliseconds(2)
    while true {
      var missing: [EnvoyFile.Source] = []
      let now = try await observe()
      if let now {
        let answers = files.map { ($0.key, now.answer(to: $0.value, of: $0.key, since: before[$0.key] ?? .zero)) }
        let refused = answers.filter { $0.1 == .refused }.map(\.0)
        guard refused.isEmpty else { throw Refused(sources: refused) }
        missing = answers.filter { $0.1 == .waiting }.map(\.0)
        if missing.isEmpty, !warm || now.warmingListeners == 0 { return now }
      }
      guard ContinuousClock.now < end else {
        if now == nil { throw Vanished() }
        let names = missing.isEmpty ? "listeners that wait for a secret or a route table" : Self.list(missing)
        throw fault(
          .timedOut, "Envoy did not take them within \(deadline): \(names)", "see Envoy's log; the files stay written")
      }
      try await Task.sleep(for: pause)
      pause = min(pause * 2, .milliseconds(100))
    }
  }

  /// Puts back what Envoy ran before: also the files that it did accept, and the good half of one that it did not.
  private mutating func undo(_ refused: Refused) async -> Fault {
    let reason = await reason()
    end = .now + deadline
    before = [:]
    do {
      _ = try await put(former ?? files.base)
      return fault(
        .invalid, "Envoy refuses \(Self.list(refused.sources)): \(reason)",
        former == nil
          ? "mend what it names; until then it serves nothing" : "mend what it names; the former files are in force")
    } catch {
      return Fault(
        .failed, operation: operation, reason: "Envoy refuses \(Self.list(refused.sources)): \(reason)",
        remedy: "mend what it names and restart Envoy: the former files could not be put back", cause: error)
    }
  }

  /// Envoy writes its log a little after it counts.
  private func reason() async -> String {
    for _ in 0..<20 {
      if let reason = Refusal.reason(inLog: logFile, after: logOffset) { return reason }
      if logFile == nil { break }
      // A cancelled wait only makes the reason poorer.
      try? await Task.sleep(for: .milliseconds(30))
    }
    // Without an answer there is no reason to tell; the refusal itself is known.
    let errors = (try? await admin.listenerErrors()) ?? [:]
    let words = errors.sorted { $0.key < $1.key }.map { "\($0.key): \(Refusal.shortened($0.value))" }
    return words.isEmpty ? "its log says why" : words.joined(separator: "; ")
  }

  /// Writes a set that Envoy will read at its start.
  private mutating func place(_ set: FileSet) throws {
    for kind in EnvoyFile.Kind.allCases { try write(set.filter { $0.key.kind == kind && live[$0.key] != $0.value }) }
    try removeAll(but: set)
  }

  private mutating func write(_ set: FileSet) throws {
    for (source, file) in set.sorted(by: { $0.key.path < $1.key.path }) {
      try files.write(file, to: source)
      live[source] = file
    }
  }

  private mutating func removeAll(but set: FileSet) throws {
    for kind in EnvoyFile.Kind.allCases.reversed() {
      for source in live.keys where source.kind == kind && set[source] == nil {
        try files.remove(source)
        live[source] = nil
      }
    }
  }

  /// - Returns: `nil` when Envoy is down.
  private func observe() async throws -> Subscriptions? {
    do {
      return Subscriptions(try await admin.statistics(matching: Subscriptions.expression))
    } catch let fault as Fault where fault.code == .unavailable {
      return nil
    }
  }

  private var operation: String { "give Envoy version \(version) of its configuration" }

  private func fault(_ code: Fault.Code, _ reason: String, _ remedy: String) -> Fault {
    Fault(code, operation: operation, reason: reason, remedy: remedy)
  }

  private static func list(_ sources: [EnvoyFile.Source]) -> String {
    let names = sources.map(\.description).sorted()
    return names.prefix(5).joined(separator: ", ") + (names.count > 5 ? " and \(names.count - 5) more" : "")
  }

  /// A file whose resources did not change keeps its version, and so its bytes.
  private static func fileSet(_ wanted: [EnvoyFile], version: String, live: FileSet, base: FileSet) throws
    -> FileSet
  {
    func invalid(_ reason: String) -> Fault {
      Fault(.invalid, operation: "configure Envoy", reason: reason, remedy: "correct the set of files")
    }
    guard EnvoyFile.Source.secret(version).hasGoodName else { throw invalid("'\(version)' is not a version") }
    var files: FileSet = [:]
    for file in wanted {
      guard file.source.hasGoodName else { throw invalid("'\(file.source)' is not a name of a file") }
      guard files[file.source] == nil else { throw invalid("'\(file.source)' comes twice") }
      let fresh = WrittenFile(resources: file.resources, version: version)
      files[file.source] = live[file.source].flatMap { $0.resources == fresh.resources ? $0 : nil } ?? fresh
    }
    for (source, file) in base where files[source] == nil {
      let fresh = WrittenFile(resources: [], version: version)
      files[source] = live[source].flatMap { $0.resources == file.resources ? $0 : nil } ?? fresh
    }
    return files
  }
}
