import AuditLog
import Foundation
import Testing

@Suite("What a witness kept") struct WitnessedNotesTests {
  private static func signer() throws -> NoteSigner {
    NoteSigner(name: try #require(NoteKeyName("log.example/ä")))
  }

  private static func note(_ size: UInt64, _ signer: NoteSigner) throws -> String {
    try Checkpoint(origin: signer.verifier.name, size: size, root: .leaf([UInt8(size)])).signed(by: signer).encoded
  }

  private func read(_ text: String) -> WitnessedNotes { WitnessedNotes(reading: Array(text.utf8), name: "w") }

  @Test("is read back from its lines, which are ASCII, also behind the words of a syslog server") func lines() throws {
    let signer = try Self.signer()
    let notes = try (1...3).map { try Self.note($0, signer) }
    let lines = try notes.map { try WitnessedNote.line($0, at: Date(timeIntervalSince1970: 1.5)) }
    for line in lines {
      #expect(line.allSatisfy(\.isASCII) && !line.contains("\n"))
      #expect(line.contains(#""time":"1970-01-01T00:00:01Z""#))
    }
    let text =
      lines[0] + "\nsomebody else's line\n\nNov 27 05:06:07 host-1 lobstack[17] " + lines[1] + "\r\n" + lines[2] + "\n"
    let found = read(text)
    #expect(found.notes.map(\.note) == notes)
    #expect(found.notes.map(\.source) == ["line 1 of w", "line 4 of w", "line 5 of w"])
    #expect(found.unreadableLines == 0)
  }

  @Test("is read back from notes one after another, with and without empty lines between") func plain() throws {
    let signer = try Self.signer()
    let notes = try (1...3).map { try Self.note($0, signer) }
    #expect(read(notes.joined()).notes.map(\.note) == notes)
    #expect(read("\n" + notes.joined(separator: "\n\n")).notes.map(\.note) == notes)
    // Lines that no signature follows are no note, and hide none.
    #expect(read("a letter\n\n" + notes[0] + "and more\n").notes.map(\.note) == [notes[0]])
    #expect(read(notes[0]).notes.map(\.source) == ["line 1 of w"])
    #expect(read("").notes.isEmpty && read("— a b\n").notes.isEmpty)
  }

  @Test("counts what is only the beginning of a line, at every length") func torn() throws {
    let signer = try Self.signer()
    let (first, second) = (try Self.note(1, signer), try Self.note(2, signer))
    let (torn, whole) = (try WitnessedNote.line(first, at: .now), try WitnessedNote.line(second, at: .now))
    for length in 16..<torn.utf8.count {
      let found = read(torn.prefix(length) + "\n" + whole + "\n")
      #expect(found.notes.map(\.note) == [second], "\(length)")
      #expect(found.unreadableLines == 1, "\(length)")
    }
  }
}
