import APIModel
import AgentModel
import Faults
import Files
import Foundation
import Testing

@testable import Verification

@Suite("The lock of a run") struct RunLockTests {
  private func withLayout(_ body: (InstanceLayout) async throws -> Void) async throws {
    let root = FileManager.default.temporaryDirectory.path + "/lobstack-lock-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: root) }
    let layout = InstanceLayout(stateDirectory: root)
    try FileManager.default.createDirectory(atPath: layout.runDirectory, withIntermediateDirectories: true)
    try await body(layout)
  }

  @Test("is held by one, and tells another whose run it is", arguments: VerificationTrigger.allCases)
  func held(trigger: VerificationTrigger) async throws {
    try await withLayout { layout in
      let lock = try #require(try await RunLock.take(layout, trigger: trigger))
      let fault = try await #require(throws: Fault.self) { try await RunLock.take(layout, trigger: .person) }
      #expect(fault.code == .conflict)
      #expect(fault.reason.contains("that of \(trigger.text), process \(getpid()), since 2"), "\(fault)")
      withExtendedLifetime(lock) {}
    }
  }

  @Test("is free again when its run has ended, whatever the file says") func free() async throws {
    try await withLayout { layout in
      do { _ = try #require(try await RunLock.take(layout, trigger: .schedule)) }
      #expect(FileLock.note(ofHolderOf: layout.verificationLock) == nil)
      #expect(try await RunLock.take(layout, trigger: .person) != nil)
    }
  }

  @Test("that has a note nobody understands is told all the same") func unknown() async throws {
    try await withLayout { layout in
      let lock = try #require(try FileLock.take(layout.verificationLock, note: "\u{1}{]"))
      let fault = try await #require(throws: Fault.self) { try await RunLock.take(layout, trigger: .person) }
      #expect(fault.code == .conflict && fault.reason == "another run is under way")
      withExtendedLifetime(lock) {}
    }
  }

  @Test("is not needed where no platform ever ran") func nowhere() async throws {
    #expect(try await RunLock.take(InstanceLayout(stateDirectory: "/nowhere"), trigger: .person) == nil)
  }
}
