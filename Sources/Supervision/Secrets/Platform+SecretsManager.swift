import AgentModel
import CertificateAuthority
import Faults
import Files
import Foundation
import Glibc
import Logging
import SecretStore

extension Platform {
  private static let patience = Duration.seconds(30)
  private static let rootLife = Duration.seconds(3650 * 86_400)

  /// Whether the platform runs its secrets manager itself.
  var hasOwnSecretsManager: Bool {
    if case .own = configuration.secretsManager { true } else { false }
  }

  /// Whether it may be sealed until people have given their shares.
  var waitsForShares: Bool {
    hasOwnSecretsManager && FileManager.default.fileExists(atPath: layout.vaultSharesMark)
  }

  /// Whether it waits for people now.
  var isSealed: Bool {
    get async {
      guard waitsForShares, let manager = try? VaultOperator(layout: layout) else { return false }
      // One that does not answer is not waiting for people.
      return await (try? manager.withClient(patience: .zero) { try await !$0.health().isReady }) ?? false
    }
  }

  private var vaultPolicy: VaultPolicy {
    get throws {
      try VaultPolicy.load(directory: "\(layout.policyDirectory)/vault", trustDomain: configuration.trustDomain)
    }
  }

  /// Makes what the secrets manager and its clients start from.
  func prepareSecretsManager() throws {
    try writeAtomically(Data("\(configuration.trustDomain)\n".utf8), to: layout.trustDomainFile, mode: 0o644)
    switch configuration.secretsManager {
    case .own(let unsealing):
      guard VaultAddress.isOwn(layout) else {
        throw Fault(
          .conflict, operation: "start the secrets manager",
          reason: "instance \(layout.instance) was started with one of others, which has its keys and secrets",
          remedy: "give --vault-addr again; to give those up, remove \(layout.root) and start anew")
      }
      let logins = try SecretsManagerLogins(layout: layout)
      let given: SecretsManagerChoice.Unsealing =
        if case .file(nil) = unsealing { .file(Self.credential) } else { unsealing }
      try OwnSecretsManager(layout: layout, unsealing: given).prepare(policy: try vaultPolicy, logins: logins)
    case .existing(let manager):
      guard !FileManager.default.fileExists(atPath: "\(layout.vaultDataDirectory)/vault.db") else {
        throw Fault(
          .conflict, operation: "use the secrets manager at \(manager.urls)",
          reason: "instance \(layout.instance) has one of its own, with its secrets, in \(layout.vaultDirectory)",
          remedy: "leave out --vault-addr, or use a new --instance")
      }
      _ = try SecretsManagerLogins(layout: layout, operatorFile: manager.keyFile)
      try manager.storeAddress(for: layout)
    }
  }

  /// What systemd hands over as `LoadCredential=lobstack-seal-key:…` (systemd.exec(5), "Credentials").
  private static var credential: String? {
    guard let directory = ProcessInfo.processInfo.environment["CREDENTIALS_DIRECTORY"] else { return nil }
    let path = "\(directory)/lobstack-seal-key"
    return access(path, F_OK) == 0 ? path : nil
  }

  /// Waits until the secrets manager is unsealed, and mends what is not as the policy says.
  ///
  /// - Throws: `Fault` when it does not come, or refuses; the platform without it starts no agent that needs it.
  func provision() async throws {
    let manager = try VaultOperator(layout: layout, logger: logger)
    try await manager.withClient(patience: Self.patience) { try await waitUntilUnsealed($0) }
    let token: VaultToken? =
      if case .existing(let existing) = configuration.secretsManager { try existing.token() } else { nil }
    for drift in try await manager.provision(
      SecretsManagerLogins(layout: layout), token: token, rootLife: Self.rootLife, patience: Self.patience)
    {
      logger.warning("The secrets manager was not as the policy says", metadata: ["drift": "\(drift)"])
    }
  }

  func waitUntilUnsealed(_ client: VaultClient) async throws {
    let deadline = ContinuousClock.now + Self.patience
    while let (reason, remedy) = await obstacle(client) {
      // What people have to do they are told at once.
      guard !waitsForShares, ContinuousClock.now < deadline else {
        throw Fault(.unavailable, operation: "start the secrets manager", reason: reason, remedy: remedy)
      }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  private func obstacle(_ client: VaultClient) async -> (reason: String, remedy: String)? {
    do {
      let health = try await client.health()
      if health.isReady { return nil }
      return health.isInitialized
        ? ("it is sealed; unseal it with 'lobstack vault unseal'", "run 'lobstack vault unseal'")
        : ("it is not initialised; do that with 'lobstack vault init'", "run 'lobstack vault init'")
    } catch {
      // It takes connections before it answers them: at a first start, until it is filled.
      return ((error as? Fault)?.reason ?? "\(error)", "see \(layout.logDirectory)/vault.log")
    }
  }
}

extension ExistingSecretsManager {
  /// - Throws: `Fault(.invalid)` for what is no address, `Fault(.notFound)` for authorities that are not there.
  func address() throws -> VaultAddress {
    let roots = try authorities.map { path in
      guard let data = FileManager.default.contents(atPath: path) else {
        throw Fault(
          .notFound, operation: "read \(path)", reason: "the file cannot be read", remedy: "check --vault-ca")
      }
      return String(decoding: data, as: UTF8.self)
    }
    return try VaultAddress(urls: urls, roots: roots, namespace: namespace)
  }

  /// Tells every process of the instance where it is.
  func storeAddress(for layout: InstanceLayout) throws {
    let address = try address()
    if let roots = address.roots {
      try writeAtomically(Data(roots.utf8), to: layout.vaultAuthority, mode: 0o444)
    } else {
      unlink(layout.vaultAuthority)
    }
    try address.store(for: layout)
  }

  /// - Throws: `Fault` for a file that is not there, that others may read, or that holds no one word.
  func token() throws -> VaultToken? {
    guard let tokenFile else { return nil }
    let data = try readOwnFile(tokenFile, owner: 0)
    let text = data.map { String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines) } ?? ""
    // A header of HTTP carries it.
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw Fault(
        .invalid, operation: "read \(tokenFile)", reason: data == nil ? "there is no such file" : "it holds no token",
        remedy: "write the token, one line, to a file of root's with mode 0600")
    }
    return VaultToken(text)
  }
}
