import AgentModel
import ChildProcess
import Faults
import Files
import Foundation
import Logging
import SecretStore
import Storage

extension Platform {
  /// Has an OpenBao of the instance's own take the snapshot, and proves by it that keys, snapshot and store are of one
  /// another: the control plane's key logs in, the store's key is unwrapped, and the store opens.
  func fillSecretsManager(
    _ unpacked: UnpackedBackup, progress: @escaping @Sendable (String) -> Void
  ) async throws {
    guard let domain = TrustDomain(unpacked.manifest.trustDomain) else {
      throw BackupManifest.invalid("the manifest", "its trust domain is none")
    }
    if case .own(.file(nil)) = configuration.secretsManager, unpacked.manifest.sealKey != .included {
      throw Fault(
        .notFound, operation: "fill the secrets manager", reason: "the key that unseals it is not in the backup",
        remedy: "name its file with --seal-key")
    }
    progress("filling the secrets manager")
    var configuration = configuration
    configuration.trustDomain = domain
    let platform = Platform(configuration, logger: logger)
    let program = try PinnedProgram.openBao.locate(configuration.openBao)
    try await Preparation(
      layout: layout, executable: configuration.executable, policy: PolicySource(directory: layout.policyDirectory)
    ).run()
    try platform.prepareSecretsManager()
    let process = platform.secretsManager(program).process
    async let running: Void = process.run()
    let result = await Result {
      try await platform.take("\(unpacked.directory)/\(BackupPlace.snapshot)")
      progress("opening the store")
      try await platform.openStore()
    }
    await process.stop()
    await running
    try await shielded { try await MemoryDirectories(layout: layout).unmount() }
    try result.get()
  }

  private func take(_ snapshot: String) async throws {
    let manager = try VaultOperator(layout: layout)
    try await manager.withClient(patience: .seconds(30)) { try await waitUntilUnsealed($0) }
    let bytes = try Data(contentsOf: URL(filePath: snapshot))
    do {
      try await manager.with(patience: .seconds(30)) { try await $0.restore(snapshot: Array(bytes)) }
    } catch {
      throw Fault(
        .invalid, operation: "restore the secrets manager", reason: "it does not take the snapshot",
        remedy: "give the seal key of the instance that was backed up with --seal-key", cause: error)
    }
    try await manager.withClient(patience: .seconds(30)) { try await waitUntilUnsealed($0) }
  }

  private func openStore() async throws {
    let (layout, domain) = (layout, configuration.trustDomain)
    let login = try SecretsManagerLogins(layout: layout).controlPlaneKey
    let wrapped = try String(contentsOfFile: layout.storeKeyFile, encoding: .utf8)
    let deadline = ContinuousClock.now + .seconds(15)
    var key: SecretValue?
    repeat {
      do {
        key = try await VaultOperator(layout: layout).withClient(patience: .seconds(30)) { client in
          try await Transit(Vault(client, as: .controlPlane, key: login, in: domain))
            .decrypt([wrapped], key: "agent-data").first
        }
      } catch {
        // For a moment it goes on with what it held before the snapshot.
        guard ContinuousClock.now < deadline else { throw error }
        try await Task.sleep(for: .milliseconds(100))
      }
    } while key == nil && ContinuousClock.now < deadline
    guard let key else {
      throw Fault(
        .failed, operation: "unwrap \(layout.storeKeyFile)", reason: "the answer is empty",
        remedy: "check the version of the secrets manager")
    }
    try await Store.open(path: layout.database, key: StoreKey(key)).close()
  }
}
