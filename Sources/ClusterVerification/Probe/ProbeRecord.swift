import Foundation

/// What a probe told, read from its Pod's log: text of a sandbox, so that everything in it is bounded and only what was
/// asked for is believed to be an answer.
package struct ProbeRecord: Hashable, Sendable {
  /// Bytes of a log that are read.
  package static let longestLog = 256 << 10
  private static let longestLine = 4 << 10
  private static let longestText = 200

  private static let late = "; not any more some seconds later"

  private var lines: [String: ProbeLine] = [:]

  /// - Parameters:
  ///   - log: from its beginning.
  ///   - nonce: the plan's.
  package init(_ log: [UInt8], nonce: String) {
    for text in log.prefix(Self.longestLog).split(separator: UInt8(ascii: "\n")) where text.count <= Self.longestLine {
      guard var line = try? JSONDecoder().decode(ProbeLine.self, from: Data(text)), line.nonce == nonce else {
        continue
      }
      line.text = Self.plain(line.text)
      line.answer = line.answer.map { $0.prefix(512) }
      // What was reached once was reached. Policies that come late close what was open.
      if var known = lines[line.id], known.isDone {
        if !line.isDone, !known.text.hasSuffix(Self.late) {
          known.text += Self.late
          lines[line.id] = known
        }
        continue
      }
      lines[line.id] = line
    }
  }

  package var isWhole: Bool { lines[ProbeLine.end] != nil }

  /// Of the search for secrets, that have ended.
  var rounds: Int { (0..<SecretSearch.mostRounds).first { lines["searched:\($0)"] == nil } ?? SecretSearch.mostRounds }

  package subscript(_ id: String) -> ProbeLine? { lines[id] }

  /// Without what a terminal would obey, in a line.
  private static func plain(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.prefix(longestText).map { scalar in
          (0x20..<0x7F).contains(scalar.value) ? scalar : "?"
        }))
  }
}
