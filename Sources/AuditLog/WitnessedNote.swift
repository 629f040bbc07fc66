import Faults
import FoundationEssentials
import TextEncodings

/// A checkpoint as somebody outside the log kept it, not verified.
package struct WitnessedNote: Hashable, Sendable {
  /// The signed note.
  package var note: String
  /// Where it stands, for a message: "line 17 of /mnt/witness/lobstack.jsonl".
  package var source: String

  package init(note: String, source: String) {
    self.note = note
    self.source = source
  }

  /// The note as one line of ASCII without its line break: `{"checkpoint":"…","time":"2026-01-31T12:00:00Z"}`.
  ///
  /// ASCII, so that a syslog server on the way leaves it as it is. The time is what the writer's clock said, and no part
  /// of what is signed.
  package static func line(_ note: String, at time: Date) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let json = try encoder.encode(Line(checkpoint: note, time: time.ISO8601Format()))
    return String(decoding: json, as: UTF8.self).unicodeScalars.reduce(into: "") { text, scalar in
      guard !scalar.isASCII else { return text.unicodeScalars.append(scalar) }
      for unit in String(scalar).utf16 { text += "\\u" + Hexadecimal.encode([UInt8(unit >> 8), UInt8(unit & 255)]) }
    }
  }

  fileprivate struct Line: Codable {
    var checkpoint: String
    var time: String?
  }
}

/// What a witness kept: lines of `WitnessedNote.line`, with anything before them, as syslog has it, or signed notes one
/// after another as they are.
package struct WitnessedNotes: Hashable, Sendable {
  /// In the order in which they were kept.
  package private(set) var notes: [WitnessedNote] = []
  /// Lines that begin a checkpoint and do not end it: what a full disk or a crash cut short, or somebody changed.
  package private(set) var unreadableLines = 0

  private static let mark = Array(#"{"checkpoint":"#.utf8)

  /// Leaves out all lines that hold no checkpoint.
  ///
  /// - Parameter name: what was read, for messages.
  package init(reading bytes: some Collection<UInt8>, name: String) {
    var plain = PlainNote()
    for (place, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      let number = place + 1
      guard let start = line.firstRange(of: Self.mark)?.lowerBound else {
        if let (note, first) = plain.add(String(decoding: line, as: UTF8.self), number) { add(note, first, name) }
        continue
      }
      // What cannot be read is counted, and the count is told.
      if let found = try? JSONDecoder().decode(WitnessedNote.Line.self, from: Data(line[start...])) {
        add(found.checkpoint, number, name)
      } else {
        unreadableLines += 1
      }
    }
    if let (note, first) = plain.end() { add(note, first, name) }
  }

  private mutating func add(_ note: String, _ line: Int, _ name: String) {
    notes.append(WitnessedNote(note: note, source: "line \(line) of \(name)"))
  }
}

/// Finds a signed note by its lines: text, an empty line, signatures.
private struct PlainNote {
  private var text: [String] = []
  private var signatures: [String] = []
  private var isTextOver = false
  private var first = 0

  /// - Returns: the note that ended before this line, and its first line.
  mutating func add(_ line: String, _ number: Int) -> (String, Int)? {
    if line.hasPrefix("— "), isTextOver, !text.isEmpty {
      signatures.append(line)
      return nil
    }
    let ended = signatures.isEmpty ? nil : end()
    if line.isEmpty {
      isTextOver = true
    } else {
      // Text without a signature was no note.
      if isTextOver { self = PlainNote() }
      if text.isEmpty { first = number }
      text.append(line)
    }
    return ended
  }

  mutating func end() -> (String, Int)? {
    defer { self = PlainNote() }
    guard !signatures.isEmpty else { return nil }
    return ((text + [""] + signatures).map { $0 + "\n" }.joined(), first)
  }
}
