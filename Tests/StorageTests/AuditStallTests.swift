import AuditLog
import Faults
import Foundation
import Glibc
import Testing

@testable import Storage

@Suite("The audit file on a disk that hangs") struct AuditStallTests {
  @Test(
    "fails its appends in time, and goes on when the disk answers again", .enabled(if: AuditStallTests.canFreeze),
    .timeLimit(.minutes(1)))
  func frozenDisk() async throws {
    let fixture = try AuditDirectoryFixture()
    let image = "\(fixture.path)/image"
    let disk = "\(fixture.path)/disk"
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
    try Self.run("truncate", "-s", "16M", image)
    try Self.run("mkfs.ext4", "-q", image)
    try Self.run("mount", "-o", "loop", image, disk)
    defer { umount2(disk, Int32(MNT_DETACH)) }

    let log = "\(disk)/audit"
    let file = try await AuditFile.open(directory: log, stallLimit: .milliseconds(200))
    _ = try await file.append(AuditDirectoryFixture.record(0))
    try Self.run("fsfreeze", "-f", disk)
    var faults: [Fault?] = []
    do {
      // Whatever happens in between, a frozen disk must not stay behind.
      defer { _ = try? Self.run("fsfreeze", "-u", disk) }
      for number in 1...2 {
        faults.append(await #expect(throws: Fault.self) { try await file.append(AuditDirectoryFixture.record(number)) })
      }
    }
    #expect(faults.map { $0?.code } == [.timedOut, .timedOut])
    // The first was with the kernel and may be in the log; the second was still ours and is not.
    let index = try await file.append(AuditDirectoryFixture.record(3)).index
    let targets = try await file.page(from: 0, limit: 10).map(\.record.time)
    #expect(targets == (index == 1 ? [0, 3] : [0, 1, 3]))
    try await file.close()
    #expect(try AuditFile.verify(directory: log).ok)
  }

  @Test(
    "fails appends in time also while an archiving hangs, which ends when the disk answers again",
    .enabled(if: AuditStallTests.canFreeze), .timeLimit(.minutes(1)))
  func frozenArchiving() async throws {
    let fixture = try AuditDirectoryFixture()
    let (image, disk) = ("\(fixture.path)/image", "\(fixture.path)/disk")
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
    try Self.run("truncate", "-s", "16M", image)
    try Self.run("mkfs.ext4", "-q", image)
    try Self.run("mount", "-o", "loop", image, disk)
    defer { umount2(disk, Int32(MNT_DETACH)) }

    let file = try await AuditFile.open(directory: "\(disk)/audit", stallLimit: .milliseconds(200))
    for number in 0..<4 { _ = try await file.append(AuditDirectoryFixture.record(number)) }
    let made = try #require(try AuditSegment.make(of: "\(disk)/audit", before: 2, in: fixture.path))
    let (frozen, freezing) = AsyncStream.makeStream(of: Void.self)
    async let archiving: Void = file.archive(first: made.end, rootHash: made.rootHash) { step in
      guard step == .copied else { return }
      try Self.run("fsfreeze", "-f", disk)
      freezing.finish()
    }
    for await _ in frozen {}
    var fault: Fault?
    do {
      // Whatever happens in between, a frozen disk must not stay behind.
      defer { _ = try? Self.run("fsfreeze", "-u", disk) }
      fault = await #expect(throws: Fault.self) { try await file.append(AuditDirectoryFixture.record(4)) }
    }
    #expect(fault?.code == .timedOut)
    try await archiving
    #expect(await file.head.first == 2)
    _ = try await file.append(AuditDirectoryFixture.record(5))
    try await file.close()
    #expect(try AuditFile.verify(directory: "\(disk)/audit", segments: [made.path]).ok)
  }

  private static func run(_ program: String, _ arguments: String...) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(program) \(arguments)")
  }

  private static var canFreeze: Bool {
    if ProcessInfo.processInfo.environment["REQUIRE_ROOT_TESTS"] == "1" { return true }
    // A container may have root, and no loop devices.
    return geteuid() == 0 && access("/dev/loop-control", W_OK) == 0 && access("/usr/sbin/mkfs.ext4", X_OK) == 0
      && access("/usr/sbin/fsfreeze", X_OK) == 0
  }
}
