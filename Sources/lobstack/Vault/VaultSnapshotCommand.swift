import APIModel
import ArgumentParser
import Faults
import Files
import Foundation
import SecretStore
import Supervision

struct VaultSnapshotCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshot", abstract: "Save everything that the secrets manager holds into a file.",
    discussion: """
      The file is encrypted as the store is (AES-256-GCM): only a server that has the instance's seal key opens it. Keep
      that key, keys/seal.key in the instance's directory, in another place than the snapshots. Who has both has all
      secrets, also those of agents that were deleted since.
      """)

  @OptionGroup var vault: VaultOptions

  @Argument(help: "File to write; it must not exist.", completion: .file())
  var file: String

  func run() async throws {
    guard !FileManager.default.fileExists(atPath: file) else {
      throw Fault(
        .alreadyExists, operation: "write \(file)", reason: "there is such a file", remedy: "name another one")
    }
    let bytes = try await vault.recording(.snapshot) { try await vault.manager().with { try await $0.snapshot() } }
    try writeAtomically(Data(bytes), to: file, mode: 0o600)
    print("\(bytes.count) bytes are saved in \(file)")
  }
}
