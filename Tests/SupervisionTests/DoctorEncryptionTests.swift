import Foundation
import Testing

@testable import Supervision

@Suite("The doctor's question for encryption") struct DoctorEncryptionTests {
  @Test(
    "is answered by the features of ext4",
    arguments: [
      (["features/encryption"], Finding.Level.ok), (["features/casefold"], .fail), (["features"], .fail), ([], .warn),
    ])
  func features(entries: [String], level: Finding.Level) throws {
    let directory = "/tmp/lbe\(UInt32.random(in: 0...999_999))"
    defer { try? FileManager.default.removeItem(atPath: directory) }
    for entry in entries {
      try FileManager.default.createDirectory(atPath: "\(directory)/\(entry)", withIntermediateDirectories: true)
    }
    #expect(Doctor.encryption(ext4: directory).level == level)
  }
}
