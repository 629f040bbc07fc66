import APIModel
import ArgumentParser
import Faults
import Foundation
import SecretStore
import Supervision

struct VaultRestoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Replace everything that the secrets manager holds by a snapshot.",
    discussion: """
      What was set or deleted since the snapshot is as it was then: keys of agents that were deleted since are there
      again, keys of agents that were created since are gone.
      """)

  @OptionGroup var vault: VaultOptions

  @Flag(help: "Replace it without asking.")
  var yes = false

  @Flag(help: "Also a snapshot of another server: it answers nothing then until it has that one's keys directory.")
  var force = false

  @Argument(help: "File that 'lobstack vault snapshot' wrote.", completion: .file())
  var file: String

  func validate() throws {
    guard yes else { throw ValidationError("everything that is there now would be lost; say --yes to go on") }
  }

  func run() async throws {
    guard let data = FileManager.default.contents(atPath: file) else {
      throw Fault(.notFound, operation: "read \(file)", reason: "the file cannot be read", remedy: "check the name")
    }
    // A gzip archive (RFC 1952 §2.3.1): anything else would be refused after the upload.
    guard data.starts(with: [0x1f, 0x8b]) else {
      throw Fault(
        .invalid, operation: "restore \(file)", reason: "it is no snapshot",
        remedy: "name a file that 'lobstack vault snapshot' wrote")
    }
    let isForced = force
    try await vault.recording(.restore) {
      try await vault.manager().with { try await $0.restore(snapshot: Array(data), force: isForced) }
    }
    print("the secrets manager holds what \(file) says")
  }
}
