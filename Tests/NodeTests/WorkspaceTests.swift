import AgentModel
import ChildProcess
import Faults
import Foundation
import Glibc
import NodeProtocol
import Testing

@testable import Node

/// SEC-5, and what a workspace does when things go wrong.
@Suite("A workspace", .serialized) struct WorkspaceTests {
  private struct Place {
    let directory = "/tmp/lbv\(UInt32.random(in: 0...999_999))"

    func volume(size: String = "32Mi") -> EncryptedVolume {
      EncryptedVolume(
        store: LoopVolume(
          image: "\(directory)/workspace.img", mountPoint: "\(directory)/encrypted",
          owner: InstanceLayout.agentUserID, hasJournal: true),
        mountPoint: "\(directory)/workspace", configuration: "\(directory)/gocryptfs.conf",
        log: "\(directory)/gocryptfs.log")
    }

    static func with(_ body: (Place) async throws -> Void) async throws {
      let place = Place()
      try FileManager.default.createDirectory(atPath: place.directory, withIntermediateDirectories: false)
      do { try await body(place) } catch {
        try? await place.volume().unmount()
        try? FileManager.default.removeItem(atPath: place.directory)
        throw error
      }
      try await place.volume().unmount()
      try FileManager.default.removeItem(atPath: place.directory)
    }
  }

  private func key(_ byte: UInt8) -> SecretValue { SecretValue([UInt8](repeating: byte, count: 32)) }

  @Test("opens with its key and no other, and shows nothing of what is in it when it is closed") func keys()
    async throws
  {
    try await Place.with { place in
      let (volume, size) = (place.volume(), try #require(ByteSize("32Mi")))
      try await volume.mount(size: size) { key(1) }
      #expect(try await volume.isOpen)
      let canary = "canary-\(UInt64.random(in: .min ... .max))"
      try String(repeating: canary, count: 1_000).write(
        toFile: "\(volume.mountPoint)/\(canary)", atomically: false, encoding: .utf8)
      // Open, it is not opened again, nor is the key asked for.
      try await volume.mount(size: size) { throw CancellationError() }
      try await volume.unmount()
      #expect(try await !volume.isOpen)
      #expect(try FileManager.default.contentsOfDirectory(atPath: volume.mountPoint).isEmpty)
      #expect(try await Command("grep", ["-rlaF", canary, place.directory]).run().standardOutput.isEmpty)

      await #expect { try await volume.mount(size: size) { key(2) } } throws: { ($0 as? Fault)?.code == .denied }
      try await volume.mount(size: size) { key(1) }
      #expect(
        try String(contentsOfFile: "\(volume.mountPoint)/\(canary)", encoding: .utf8)
          == String(repeating: canary, count: 1_000))
    }
  }

  @Test("comes back with what was written when its daemon was killed") func killed() async throws {
    try await Place.with { place in
      let (volume, size) = (place.volume(), try #require(ByteSize("32Mi")))
      try await volume.mount(size: size) { key(1) }
      try "kept".write(toFile: "\(volume.mountPoint)/file", atomically: false, encoding: .utf8)
      let daemons = try await Command("pgrep", ["-f", "gocryptfs.*\(volume.mountPoint)$"]).check()
      for process in daemons.split(separator: "\n").compactMap({ pid_t($0) }) { kill(process, SIGKILL) }
      while try await volume.isOpen { try await Task.sleep(for: .milliseconds(10)) }
      try await volume.mount(size: size) { key(1) }
      #expect(try String(contentsOfFile: "\(volume.mountPoint)/file", encoding: .utf8) == "kept")
    }
  }

  @Test("is not made anew over files whose configuration is gone") func lost() async throws {
    try await Place.with { place in
      let (volume, size) = (place.volume(), try #require(ByteSize("32Mi")))
      try await volume.mount(size: size) { key(1) }
      try "kept".write(toFile: "\(volume.mountPoint)/file", atomically: false, encoding: .utf8)
      try await volume.unmount()
      try FileManager.default.moveItem(atPath: volume.configuration, toPath: "\(place.directory)/saved")
      await #expect { try await volume.mount(size: size) { key(1) } } throws: { ($0 as? Fault)?.code == .conflict }
      try FileManager.default.moveItem(atPath: "\(place.directory)/saved", toPath: volume.configuration)
      try await volume.mount(size: size) { key(1) }
      #expect(try String(contentsOfFile: "\(volume.mountPoint)/file", encoding: .utf8) == "kept")
    }
  }

  @Test("is a new key's only when that is kept, and is never made anew over files") func newKey() async throws {
    try await Place.with { place in
      let (volume, size) = (place.volume(), try #require(ByteSize("32Mi")))
      // A first start that was cut off: open, by a key that nobody has.
      try await volume.mount(size: size, isNew: true) { key(1) }
      try await volume.mount(size: size, isNew: true) { key(2) }
      #expect(!FileManager.default.fileExists(atPath: volume.configuration))
      // The key was kept, and the node was cut off before it said so.
      try await volume.mount(size: size) { throw CancellationError() }
      #expect(FileManager.default.fileExists(atPath: volume.configuration))
      try "kept".write(toFile: "\(volume.mountPoint)/file", atomically: false, encoding: .utf8)
      try await volume.unmount()
      await #expect { try await volume.mount(size: size) { key(1) } } throws: { ($0 as? Fault)?.code == .denied }
      // Its key was lost.
      await #expect { try await volume.mount(size: size, isNew: true) { key(3) } } throws: {
        ($0 as? Fault)?.code == .conflict
      }
      try await volume.mount(size: size) { key(2) }
      #expect(try String(contentsOfFile: "\(volume.mountPoint)/file", encoding: .utf8) == "kept")
    }
  }

  @Test("is full at its size, and no sooner") func full() async throws {
    try await Place.with { place in
      let (volume, size) = (place.volume(), try #require(ByteSize("32Mi")))
      try await volume.mount(size: size) { key(1) }
      let result = try await Command("dd", ["if=/dev/zero", "of=\(volume.mountPoint)/zeros", "bs=1M"]).run()
      #expect(result.standardError.contains("No space left on device"))
      let written = try FileManager.default.attributesOfItem(atPath: "\(volume.mountPoint)/zeros")[.size] as? Int ?? 0
      #expect((20 << 20...32 << 20).contains(written))
    }
  }

  @Test("of an agent keeps its files over a stop, and cannot be opened when the agent is deleted") func shredded()
    async throws
  {
    try await NodeFixture.with { node in
      let uid = AgentUID.random()
      let canary = "canary-\(UInt64.random(in: .min ... .max))"
      let script = "echo \(canary); cat /workspace/file; echo written > /workspace/file; exec sleep 600"
      try await node.apply(DesiredState(revision: 1, agents: [try node.agent(script, uid: uid)]))
      _ = try await node.observe(uid) { $0.phase == .running }
      let files = AgentFiles(layout: node.layout, uid: uid)
      while access("\(files.volume.mountPoint)/file", F_OK) != 0 { try await Task.sleep(for: .milliseconds(20)) }
      try await node.apply(
        DesiredState(revision: 2, agents: [try node.agent(script, uid: uid, generation: 2, wish: .stop)]))
      _ = try await node.observe(uid) { $0.phase == .stopped }
      #expect(try await !files.volume.isOpen)
      // Everything that the node has of it, as a thief of the disk would take it.
      let copy = "\(node.directory)/stolen"
      sync()
      try await Command("cp", ["-a", "--sparse=always", "-x", files.directory, copy]).check()
      #expect(try await Command("grep", ["-rlaF", canary, files.log.file]).run().standardOutput != "")
      #expect(try await Command("grep", ["-rlaF", canary, copy]).run().standardOutput == "")
      try await node.apply(DesiredState(revision: 3, agents: [try node.agent(script, uid: uid, generation: 3)]))
      _ = try await node.observe(uid) { $0.phase == .running }
      while (try? String(contentsOfFile: files.log.file, encoding: .utf8))?.contains("written") != true {
        try await Task.sleep(for: .milliseconds(20))
      }
      let agent = try node.agent(script, uid: uid, generation: 4, wish: .destroy)
      try await node.apply(DesiredState(revision: 4, agents: [agent]))
      _ = try await node.observe(uid) { $0.destroyed }
      #expect(!FileManager.default.fileExists(atPath: files.directory))
      let wrapped = try String(contentsOfFile: "\(copy)/workspace.key", encoding: .utf8)
      #expect(wrapped.hasPrefix("vault:v1:"))
      try await node.neighbours.unwrap(wrapped, of: agent)
      try await node.neighbours.shred(agent)
      // The copy has the wrapped key; nobody unwraps it any more, also not as the next agent of that name and uid.
      await #expect { try await node.neighbours.unwrap(wrapped, of: agent) } throws: {
        ($0 as? Fault)?.code == .invalid
      }
    }
  }
}
