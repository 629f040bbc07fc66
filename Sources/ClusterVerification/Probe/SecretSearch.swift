/// Looks for the run's own values in all that a program of the Pod can read.
struct SecretSearch {
  /// What they begin with; 32 hexadecimal digits follow.
  let prefix: String

  static let tail = 32
  /// Milliseconds from one round to the next, and the most of them: their lines have to fit into the log that is read.
  static let pause: Int32 = 10_000
  static let mostRounds = 150
  /// Of one place; more are not told.
  static let mostFound = 8

  /// - Parameters:
  ///   - round: counts from 0; each tells for itself.
  ///   - roots: directories whose files are read.
  func search(
    _ say: (String, Bool, String) -> Void, round: Int = 0,
    in roots: [String] = ["/vault", "/workspace", "/tmp", "/etc", "/var", "/run", "/dev/shm", "/home", "/root"]
  ) {
    report("\(round):environment", ProbePlaces.processes.map { "\($0)/environ" }, say)
    report("\(round):arguments", ProbePlaces.processes.map { "\($0)/cmdline" }, say)
    report("\(round):files", roots.flatMap { ProbePlaces.files(in: $0, deep: true) }, say)
    say("searched:\(round)", true, "")
  }

  private func report(_ place: String, _ files: [String], _ say: (String, Bool, String) -> Void) {
    var found: Set<String> = []
    var read = 0
    for file in files {
      guard let text = ProbePlaces.content(of: file) else { continue }
      read += 1
      found.formUnion(canaries(in: text))
    }
    say("secrets:\(place)", true, "\(read) read")
    for (index, canary) in found.sorted().prefix(Self.mostFound).enumerated() {
      say("found:\(place):\(index)", true, canary)
    }
  }

  /// Every value in a text, once.
  func canaries(in text: [UInt8]) -> Set<String> {
    let start = Array(prefix.utf8)
    var found: Set<String> = []
    guard let first = start.first, text.count >= start.count + Self.tail else { return found }
    for index in 0...(text.count - start.count - Self.tail) where text[index] == first {
      guard text[index..<(index + start.count)].elementsEqual(start) else { continue }
      let tail = text[(index + start.count)..<(index + start.count + Self.tail)]
      guard
        tail.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0 })
      else { continue }
      found.insert(prefix + String(decoding: tail, as: UTF8.self))
    }
    return found
  }
}
