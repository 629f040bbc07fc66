import AgentModel
import ChildProcess
import Faults
import Foundation
import Framing
import Glibc
import NIOCore
import NodeProtocol
import Synchronization
import Testing

@testable import Node

private let isRoot = getuid() == 0 || ProcessInfo.processInfo.environment["REQUIRE_ROOT_TESTS"] == "1"

/// What an agent prints, where it is kept.
@Suite("An agent's log", .enabled(if: isRoot), .serialized, .timeLimit(.minutes(2))) struct EncryptedLogTests {
  private struct Place {
    let directory = "/tmp/lbl\(UInt32.random(in: 0...999_999))"
    let size = AgentLog.volumeSize

    var image: String { "\(directory)/log.img" }
    var mountPoint: String { "\(directory)/log" }
    var log: EncryptedLog { EncryptedLog(image: image, mountPoint: mountPoint, keyName: "lobstack-test:\(directory)") }

    /// As the sandbox writes it.
    func append(_ text: String) throws {
      let file = open(log.file, O_WRONLY | O_APPEND | O_CLOEXEC)
      try #require(file >= 0, "\(String(cString: strerror(errno)))")
      defer { close(file) }
      let bytes = Array(text.utf8)
      #expect(write(file, bytes, bytes.count) == bytes.count)
    }

    func read() throws -> String { try String(contentsOfFile: log.file, encoding: .utf8) }

    static func with(_ body: (Place) async throws -> Void) async throws {
      let place = Place()
      try FileManager.default.createDirectory(atPath: place.directory, withIntermediateDirectories: false)
      do { try await body(place) } catch {
        try? await place.log.forget()
        try? FileManager.default.removeItem(atPath: place.directory)
        throw error
      }
      try await place.log.forget()
      try FileManager.default.removeItem(atPath: place.directory)
    }
  }

  private static func key(_ byte: UInt8) -> SecretValue { SecretValue([UInt8](repeating: byte, count: 32)) }

  @Test("shows nothing of what is in it on the disk, and goes on where it was when its key is there again")
  func atRest() async throws {
    try await Place.with { place in
      let canary = "canary-\(UInt64.random(in: .min ... .max))"
      let text = String(repeating: canary, count: 1_000)
      try await place.log.mount(size: place.size) { Self.key(1) }
      try place.append(text)
      // Open, the key is not asked for.
      try await place.log.mount(size: place.size) { throw CancellationError() }
      try await place.log.unmount()
      for word in [canary, "agent.log"] {
        #expect(try await Command("grep", ["-caF", word, place.image]).run().standardOutput == "0\n")
      }
      try await place.log.mount(size: place.size) { Self.key(1) }
      try place.append("more")
      #expect(try place.read() == text + "more")
    }
  }

  @Test("is refused with another key than its own") func otherKey() async throws {
    try await Place.with { place in
      try await place.log.mount(size: place.size) { Self.key(1) }
      try place.append("kept")
      try await place.log.unmount()
      await #expect { try await place.log.mount(size: place.size) { Self.key(2) } } throws: {
        ($0 as? Fault)?.code == .denied
      }
      #expect(access(place.log.file, F_OK) != 0)
      try await place.log.mount(size: place.size) { Self.key(1) }
      #expect(try place.read() == "kept")
    }
  }

  @Test("cannot be read without its key, and says so; one that never was is empty") func withoutKey() async throws {
    try await Place.with { place in
      let uid = AgentUID.random()
      try await place.log.mountAsItIs(size: place.size)
      #expect(access(place.image, F_OK) != 0)
      try place.log.requireReadable(of: uid)
      try await place.log.mount(size: place.size) { Self.key(1) }
      try place.append("kept")
      try place.log.requireReadable(of: uid)
      try await place.log.forget()
      try await place.log.mountAsItIs(size: place.size)
      #expect { try place.log.requireReadable(of: uid) } throws: { ($0 as? Fault)?.code == .unavailable }
      // Names are encrypted as well, and none of what is there can be opened.
      let names = try FileManager.default.contentsOfDirectory(atPath: "\(place.mountPoint)/log")
      #expect(names.count == 1 && names.first != "agent.log")
      let opened = open("\(place.mountPoint)/log/\(names.first ?? "")", O_RDONLY | O_CLOEXEC)
      let code = errno
      #expect(opened == -1 && code == ENOKEY)
    }
  }

  @Test("is made anew where an earlier version kept it in the clear") func unencrypted() async throws {
    try await Place.with { place in
      let old = LoopVolume(image: place.image, mountPoint: place.mountPoint, owner: 0, hasJournal: false)
      try await old.mount(size: place.size)
      try "clear".write(toFile: "\(place.mountPoint)/agent.log", atomically: false, encoding: .utf8)
      // Somebody who reads it meanwhile is not in the way.
      let reader = open("\(place.mountPoint)/agent.log", O_RDONLY | O_CLOEXEC)
      defer { close(reader) }
      try place.log.requireReadable(of: .random())
      try await place.log.mount(size: place.size) { Self.key(1) }
      #expect(try FileManager.default.contentsOfDirectory(atPath: place.mountPoint) == ["log"])
      #expect(try place.read() == "")
    }
  }

  @Test("is refused by a file system that does not encrypt") func noEncryption() throws {
    let directory = "/dev/shm/lbl\(UInt32.random(in: 0...999_999))"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let opened = try EncryptedDirectory(directory)
    let policy = try opened.policy
    #expect(policy == nil)
    do {
      _ = try opened.add(EncryptedLog.key(from: Self.key(1)))
      Issue.record("the key was taken")
    } catch {
      #expect(error.isUnsupported)
    }
  }

  @Test("gives what is old back to the disk, and tells what is new") func trims() async throws {
    try await Place.with { place in
      try await place.log.mount(size: place.size) { Self.key(1) }
      let piece = String(repeating: "0123456789abcdef", count: 1 << 16)
      for _ in 0..<30 { try place.append(piece) }
      let log = AgentLog(path: place.log.file)
      log.trim()
      var status = stat()
      #expect(stat(place.log.file, &status) == 0 && status.st_size == 30 << 20)
      #expect((16 << 20...17 << 20).contains(Int(status.st_blocks) * 512))
      let sent = Mutex([UInt8]())
      try await log.send(tailBytes: .max, follow: false) { frame in
        sent.withLock { $0 += Array(buffer: frame.payload) }
      }
      #expect(sent.withLock { $0.count } == 16 << 20)
      #expect(sent.withLock { $0.suffix(piece.utf8.count).elementsEqual(piece.utf8) })
    }
  }

  @Test(
    "of a stopped agent is there until the machine restarts, and again after its next start", .enabled(if: canRunAgents)
  )
  func restart() async throws {
    try await NodeFixture.with { node in
      let uid = AgentUID.random()
      let script = "echo printed; exec sleep 600"
      func log() async throws -> String {
        let text = Mutex("")
        try await node.client.logs(uid: uid, tailBytes: 1 << 10, follow: false) { frame in
          if frame.kind == .fault { throw try frame.decode(Fault.self) }
          if frame.kind == .standardOutput { text.withLock { $0 += String(buffer: frame.payload) } }
        }
        return text.withLock { $0 }
      }
      func waitForLog(_ wanted: String) async throws {
        while try await log() != wanted { try await Task.sleep(for: .milliseconds(20)) }
      }
      try await node.apply(DesiredState(revision: 1, agents: [try node.agent(script, uid: uid)]))
      _ = try await node.observe(uid) { $0.phase == .running }
      try await waitForLog("printed\n")
      try await node.apply(
        DesiredState(revision: 2, agents: [try node.agent(script, uid: uid, generation: 2, wish: .stop)]))
      _ = try await node.observe(uid) { $0.phase == .stopped }
      #expect(try await log() == "printed\n")
      // As after a restart of the machine: what is mounted has no key.
      let files = AgentFiles(layout: node.layout, uid: uid)
      try await files.log.unmount()
      try await files.log.mountAsItIs(size: AgentLog.volumeSize)
      #expect(try await log() == "printed\n")
      try await files.log.forget()
      try await files.log.mountAsItIs(size: AgentLog.volumeSize)
      await #expect { try await log() } throws: { ($0 as? Fault)?.code == .unavailable }
      try await node.apply(DesiredState(revision: 3, agents: [try node.agent(script, uid: uid, generation: 3)]))
      _ = try await node.observe(uid) { $0.phase == .running }
      try await waitForLog("printed\nprinted\n")
    }
  }
}
