import AgentModel
import AuditLog
import ChildProcess
import Faults
import Foundation
import Glibc
import Testing

@testable import AlertForwarding

@Suite("A witness of the audit log", .timeLimit(.minutes(1))) struct WitnessTests {
  private let directory = NSTemporaryDirectory() + "lobstack-witness-\(UUID().uuidString)"
  private let notes: [String]

  init() throws {
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let signer = NoteSigner(name: try #require(NoteKeyName("log.example/a")))
    notes = try (1...3).map {
      try Checkpoint(origin: signer.verifier.name, size: UInt64($0), root: .emptyRoot).signed(by: signer).encoded
    }
  }

  private func removing(_ body: () async throws -> Void) async throws {
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try await body()
  }

  @Test("is a file that is there, and gives back what it kept") func file() async throws {
    try await removing {
      let path = "\(directory)/kept.jsonl"
      let witness = FileWitness(path: path)
      // On a disk that is not mounted no file is made.
      await #expect(throws: Fault.self) { try await witness.keep(notes[0], at: .now) }
      await #expect(throws: Fault.self) { try await witness.kept() }
      #expect(!FileManager.default.fileExists(atPath: path))
      try Data().write(to: URL(filePath: path))
      #expect(try await witness.kept()?.notes.isEmpty == true)
      for note in notes { try await witness.keep(note, at: .now) }
      #expect(try await witness.kept()?.notes.map(\.note) == notes)
      #expect(try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").count == 3)
    }
  }

  @Test("goes on after a line that was cut short, and is never a link, a directory or a pipe") func oddFiles()
    async throws
  {
    try await removing {
      let path = "\(directory)/kept.jsonl"
      try Data(try WitnessedNote.line(notes[0], at: .now).utf8.prefix(60)).write(to: URL(filePath: path))
      let witness = FileWitness(path: path)
      try await witness.keep(notes[1], at: .now)
      let kept = try #require(try await witness.kept())
      #expect(kept.notes.map(\.note) == [notes[1]] && kept.unreadableLines == 1)
      let link = "\(directory)/link"
      #expect(symlink(path, link) == 0 && mkfifo("\(directory)/pipe", 0o600) == 0)
      for place in [link, directory, "\(directory)/pipe"] {
        let fault = await #expect(throws: Fault.self) { try await FileWitness(path: place).keep(notes[0], at: .now) }
        #expect(fault?.code == .unavailable && fault?.operation.contains(place) == true, "\(place)")
      }
    }
  }

  @Test("gives back the newest of a long file") func longFile() async throws {
    try await removing {
      let path = "\(directory)/kept.jsonl"
      let line = try WitnessedNote.line(notes[0], at: .now) + "\n"
      try Data(String(repeating: line, count: 1_000).utf8).write(to: URL(filePath: path))
      let witness = FileWitness(path: path)
      try await witness.keep(notes[2], at: .now)
      let kept = try #require(try await witness.kept())
      #expect(kept.notes.last?.note == notes[2] && kept.unreadableLines == 0)
      #expect((100..<1_000).contains(kept.notes.count))
    }
  }

  @Test("is a web server that gets the note as it is, signed, and may refuse it") func web() async throws {
    let server = try StubServer(statuses: [204, 400])
    defer { server.close() }
    let secret = try WebhookSecret(Array("a secret of many bytes".utf8), source: "the test")
    let url = try #require(WebhookURL(server.url))
    let witness = WebWitness(SignedPost(url, secret: secret, what: "a checkpoint", option: "--audit-witness"))
    try await witness.keep(notes[0], at: .now)
    await #expect(throws: Fault.self) { try await witness.keep(notes[1], at: .now) }
    await witness.close()
    let request = try #require(await server.requests(1).first)
    #expect(request.body == Array(notes[0].utf8))
    #expect(request.header("content-type") == "text/plain; charset=utf-8")
    #expect(request.header("x-lobstack-signature") == secret.signature(of: request.body))
    #expect(try await witness.kept() == nil)
  }

  @Test("gets nothing when nobody vouches for its certificate") func untrusted() async throws {
    try await removing {
      let (key, certificate) = ("\(directory)/key.pem", "\(directory)/certificate.pem")
      try await Command(
        "openssl",
        [
          "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
          "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate,
        ]
      ).check()
      // Not one of those that clients are given.
      let port = Int.random(in: 20_000..<30_000)
      let server = Task {
        try await Command(
          "openssl", ["s_server", "-accept", "127.0.0.1:\(port)", "-cert", certificate, "-key", key, "-www", "-quiet"]
        ).run(timeout: .seconds(50))
      }
      defer { server.cancel() }
      let secret = try WebhookSecret(Array("a secret of many bytes".utf8), source: "the test")
      let url = try #require(WebhookURL("https://localhost:\(port)/"))
      let witness = WebWitness(SignedPost(url, secret: secret, what: "a checkpoint", option: "--audit-witness"))
      // Until the server listens, nothing answers at all.
      var cause = ""
      let end = ContinuousClock.now + .seconds(40)
      while !cause.contains("CERTIFICATE_VERIFY_FAILED"), ContinuousClock.now < end {
        let fault = await #expect(throws: Fault.self) { try await witness.keep(notes[0], at: .now) }
        cause = fault?.cause ?? ""
        try? await Task.sleep(for: .milliseconds(50))
      }
      await witness.close()
      #expect(cause.contains("CERTIFICATE_VERIFY_FAILED"), "\(cause)")
      server.cancel()
      _ = await server.result
    }
  }

  @Test("is a syslog server that gets a line which is read back from its file") func syslog() async throws {
    let path = NSTemporaryDirectory() + "lobstack-\(UUID().uuidString.prefix(8)).log"
    let local = try DatagramSocket(path: path)
    defer { unlink(path) }
    let settings = WitnessSettings(addresses: [try #require(WitnessAddress("syslog:\(path)"))])
    let witness = try #require(try settings.witnesses().first)
    try await witness.keep(notes[0], at: Date(timeIntervalSince1970: 1.5))
    let message = try #require(local.receive())
    // Severity 5 of facility 10.
    #expect(message.hasPrefix("<85>1 1970-01-01T00:00:01Z "))
    #expect(message.contains(" lobstack \(getpid()) checkpoint - {"))
    #expect(WitnessedNotes(reading: Array((message + "\n").utf8), name: "syslog").notes.map(\.note) == [notes[0]])
  }

  @Test("is where an address says that is one") func addresses() {
    for text in [
      "file:/mnt/witness/a.jsonl", "syslog:/dev/log", "syslog:udp://10.0.0.5:514", "https://witness.example.org/a",
      "http://127.0.0.1:9/",
    ] {
      #expect(WitnessAddress(text)?.description == text)
    }
    for text in ["", "file:", "file:a.jsonl", "/mnt/a", "syslog:", "syslog:host", "http://witness.example.org/"] {
      #expect(WitnessAddress(text) == nil, "\(text)")
    }
  }
}
