import AgentModel
import CertificateAuthority
import Foundation
import Synchronization
import Testing
import WorkloadAPI

/// py-spiffe with grpcio: a reading of the standard that is not ours.
@Suite(
  "A SPIFFE client library", .timeLimit(.minutes(5)),
  .enabled("\(SpiffeClient.missing)") { await SpiffeClient.isInstalled() })
struct SpiffeClientTests {
  private static let other = "spiffe://lobstack.local/ns/acme/agent/other"

  private func time(_ date: Date) -> String { "\(date.timeIntervalSince1970)" }

  @Test("gets its certificates, keys and roots, and finds them good") func certificates() async throws {
    let fixture = try WorkloadFixture(ids: [WorkloadFixture.id, Self.other])
    try await fixture.serve {
      let svids = try await SpiffeClient.run(["context", fixture.socket, "\(fixture.clock.now.timeIntervalSince1970)"])
      #expect(svids.compactMap { $0["id"] as? String } == [WorkloadFixture.id, Self.other])
      for svid in svids {
        #expect(svid["key"] as? Bool == true)
        #expect(svid["chain"] as? Int == 2)
        #expect(svid["path"] as? Int == 3)
        let id = try #require(svid["id"] as? String)
        #expect(svid["names"] as? [String] == [id])
      }
      let bundles = try await SpiffeClient.run(["bundles", fixture.socket])
      #expect((bundles.first?["roots"] as? [String])?.count == 1)
      // Asking again costs nothing, and is nothing new.
      let again = try await SpiffeClient.run(["context", fixture.socket, "\(fixture.clock.now.timeIntervalSince1970)"])
      #expect(again.map { $0["serial"] as? String } == svids.map { $0["serial"] as? String })
      #expect(fixture.issued.ids == [WorkloadFixture.id, Self.other])
    }
  }

  @Test("gets tokens that it can check, and that the server checks") func tokens() async throws {
    let fixture = try WorkloadFixture(ids: [WorkloadFixture.id, Self.other])
    try await fixture.serve {
      let said = try #require(try await SpiffeClient.run(["tokens", fixture.socket, Self.other]).first)
      #expect(said["id"] as? String == Self.other)
      #expect(said["validated"] as? String == Self.other)
      #expect(said["subject"] as? String == Self.other)
      #expect(said["audience"] as? [String] == ["openbao"])
      #expect(said["life"] as? Double == 60)
      #expect(said["all"] as? Int == 2)
      #expect(said["refusal"] as? String == "INVALID_ARGUMENT: the token is for another audience")
      #expect(fixture.issued.ids.first == "\(Self.other) openbao")
    }
  }

  @Test("is told of a new root, of a new key of tokens, and of a renewed certificate, as they come") func updates()
    async throws
  {
    let fixture = try WorkloadFixture()
    let second = FileManager.default.temporaryDirectory.path + "/wl-root-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: second, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: second) }
    let serials = Mutex<[String]>([])
    let stage = Mutex(0)
    try await fixture.serve {
      try await SpiffeClient.stream(["stream", fixture.socket]) { line in
        try #require(line["error"] == nil, "\(line)")
        let serial = line["serial"] as? String
        let roots = line["roots"] as? Int
        if let serial { serials.withLock { $0.append(serial) } }
        switch (stage.withLock { $0 }, roots, line["keys"] as? Int) {
        case (0, 1?, _):
          stage.withLock { $0 = 1 }
          let now = fixture.clock.now
          try fixture.authority.trust(try RootAuthority.open(in: second, for: .default, at: now).anchor, at: now)
        case (1, 2?, _):
          // The same certificate, with more roots.
          #expect(Set(serials.withLock { $0 }).count == 1)
          stage.withLock { $0 = 2 }
          try fixture.authority.rotateTokenKeys(at: fixture.clock.now)
        case (2, _, 3?):
          stage.withLock { $0 = 3 }
          fixture.clock.now += 3600 * 0.65
        case (3, 2?, _):
          guard Set(serials.withLock { $0 }).count == 2 else { return true }
          stage.withLock { $0 = 4 }
          return false
        default: break
        }
        return true
      }
    }
    #expect(stage.withLock { $0 } == 4)
    #expect(fixture.issued.ids.count == 2)
  }

  @Test("keeps its certificate while a renewal fails, and is told when there is none left") func failingRenewal()
    async throws
  {
    let fixture = try WorkloadFixture(life: .seconds(1000))
    let lines = Mutex<[String]>([])
    try await fixture.serve {
      try await SpiffeClient.stream(["stream", fixture.socket]) { line in
        if let error = line["error"] as? String {
          lines.withLock { $0.append(error) }
          return false
        }
        guard line["serial"] != nil else { return true }
        lines.withLock { $0.append("certificate") }
        fixture.issued.isBroken = true
        fixture.clock.now += 900
        // Long enough for many looks at what is due.
        try await Task.sleep(for: .milliseconds(300))
        #expect(lines.withLock { $0 } == ["certificate"])
        fixture.clock.now += 200
        return true
      }
    }
    #expect(lines.withLock { $0 } == ["certificate", "gRPC error: StatusCode.INTERNAL"])
  }

  @Test("loses its stream when it loses its identity") func revoked() async throws {
    let fixture = try WorkloadFixture()
    let errors = Mutex<[String]>([])
    try await fixture.serve {
      try await SpiffeClient.stream(["stream", fixture.socket]) { line in
        if let error = line["error"] as? String {
          errors.withLock { $0.append(error) }
          return errors.withLock { $0.count } < 2
        }
        if line["serial"] != nil { fixture.table.replace([:]) }
        return true
      }
    }
    #expect(errors.withLock { $0 }.first == "gRPC error: StatusCode.PERMISSION_DENIED")
  }

  @Test("is refused, with the standard's codes, when it does not speak as it should") func refusals() async throws {
    let fixture = try WorkloadFixture()
    try await fixture.serve {
      let said = try #require(try await SpiffeClient.run(["refusals", fixture.socket]).first)
      let undeclared = try #require(said["undeclared"] as? [String])
      #expect(undeclared.count == 5)
      #expect(undeclared.allSatisfy { $0 == "INVALID_ARGUMENT: the metadata 'workload.spiffe.io: true' is missing" })
      let expected = [
        "declared_wrongly": "INVALID_ARGUMENT: the metadata 'workload.spiffe.io: true' is missing", "declared": "OK",
        "no_audience": "INVALID_ARGUMENT: the audience is missing",
        "foreign": "PERMISSION_DENIED: the identity is not this user's",
        "no_token": "INVALID_ARGUMENT: the audience or the token is missing",
        "unknown": "UNIMPLEMENTED: there is no such method", "broken": "INVALID_ARGUMENT: the message does not parse",
        "large": "RESOURCE_EXHAUSTED: the message is longer than 32768 bytes",
        "compressed": "UNIMPLEMENTED: compression is not supported",
      ]
      for (name, answer) in expected { #expect(said[name] as? String == answer, "\(name)") }
      #expect(fixture.issued.ids == [WorkloadFixture.id])
    }
  }

  @Test("is refused when its user has no identity") func stranger() async throws {
    let fixture = try WorkloadFixture()
    fixture.table.replace([:])
    try await fixture.serve {
      let said = try #require(try await SpiffeClient.run(["refusals", fixture.socket]).first)
      #expect(said["declared"] as? String == "PERMISSION_DENIED: user id \(geteuid()) has no identity")
      #expect(said["no_token"] as? String == "PERMISSION_DENIED: user id \(geteuid()) has no identity")
    }
    #expect(fixture.issued.ids == [])
  }

  @Test(
    "is who its user is, by the kernel's word",
    .enabled(
      if: geteuid() == 0 || ProcessInfo.processInfo.environment["REQUIRE_ROOT_TESTS"] == "1",
      "only root can become other users"))
  func users() async throws {
    let fixture = try WorkloadFixture()
    let own = try #require(SPIFFEID(WorkloadFixture.id))
    let other = try #require(SPIFFEID(Self.other))
    fixture.table.replace([54321: [other], geteuid(): [own]])
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: fixture.directory)
    try await fixture.serve {
      for (user, id) in [(nil, WorkloadFixture.id), (54321, Self.other)] as [(UInt32?, String)] {
        let svids = try await SpiffeClient.run(
          ["context", fixture.socket, "\(fixture.clock.now.timeIntervalSince1970)"], as: user)
        #expect(svids.compactMap { $0["id"] as? String } == [id])
      }
      let said = try await SpiffeClient.run(["refusals", fixture.socket], as: 54322)
      #expect(said.first?["declared"] as? String == "PERMISSION_DENIED: user id 54322 has no identity")
    }
  }
}
