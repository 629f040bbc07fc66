import ArgumentParser
import Foundation
import SecretStore
import Supervision

/// Which secrets manager the platform uses: its own OpenBao, or one that others run.
struct SecretsManagerOptions: ParsableArguments {
  enum Unsealing: String, ExpressibleByArgument, CaseIterable {
    case file, shares
  }

  @Option(
    help: ArgumentHelp(
      """
      How the secrets manager is unsealed at each start: by itself with a key in a file, or by shares that people give \
      to 'lobstack vault unseal'. Chosen at the first start of an instance.
      """))
  var unseal: Unsealing?

  @Option(
    help: ArgumentHelp(
      """
      File of the 32 bytes that unseal the secrets manager, root's alone (default: the systemd credential \
      lobstack-seal-key, or keys/seal.key in the instance's directory, which is made).
      """, valueName: "file"), completion: .file())
  var sealKey: String?

  @Option(
    help: ArgumentHelp(
      "Use this OpenBao or HashiCorp Vault instead of an own one: https://HOST:PORT, several nodes with commas.",
      valueName: "urls"))
  var vaultAddr: String?

  @Option(
    help: ArgumentHelp(
      "PEM file of the authorities that vouch for it (default: the system's).", valueName: "file"),
    completion: .file())
  var vaultCa: String?

  @Option(help: ArgumentHelp("The namespace there that is this platform's alone.", valueName: "name"))
  var vaultNamespace: String?

  @Option(
    help: ArgumentHelp(
      """
      File, root's alone, of a token that may provision what policy/vault says (default: root logs in as the role \
      'operator' of the JWT mount 'operator'). Needed once.
      """, valueName: "file"), completion: .file())
  var vaultTokenFile: String?

  @Option(
    help: ArgumentHelp(
      "File, root's alone, of the private key of that login (default: keys/operator.key in the instance's directory).",
      valueName: "file"), completion: .file())
  var vaultKey: String?

  mutating func validate() throws {
    if unseal == .shares, sealKey != nil { throw ValidationError("--seal-key is for --unseal file") }
    guard let vaultAddr else {
      let idle = [
        ("--vault-ca", vaultCa), ("--vault-namespace", vaultNamespace), ("--vault-token-file", vaultTokenFile),
        ("--vault-key", vaultKey),
      ].first { $0.1 != nil }
      if let idle { throw ValidationError("\(idle.0) is for a secrets manager of others: give --vault-addr too") }
      return
    }
    guard unseal == nil, sealKey == nil else {
      throw ValidationError("--unseal and --seal-key are for the platform's own secrets manager, not for --vault-addr")
    }
    _ = try VaultAddress(urls: vaultAddr)
    // It stands in a header and in paths.
    if let vaultNamespace,
      vaultNamespace.contains(where: { !$0.isASCII || !($0.isLetter || $0.isNumber || "-_/".contains($0)) })
    {
      throw ValidationError("--vault-namespace '\(vaultNamespace)' may have letters, digits, '-', '_' and '/'")
    }
  }

  var choice: SecretsManagerChoice {
    guard let vaultAddr else { return .own(unseal == .shares ? .shares : .file(sealKey.map(Self.absolute))) }
    return .existing(
      ExistingSecretsManager(
        urls: vaultAddr, authorities: vaultCa.map(Self.absolute), namespace: vaultNamespace,
        tokenFile: vaultTokenFile.map(Self.absolute), keyFile: vaultKey.map(Self.absolute)))
  }

  /// The same options on another command line.
  var arguments: [String] {
    let optional: [(String, String?)] = [
      ("--unseal", unseal?.rawValue), ("--seal-key", sealKey.map(Self.absolute)), ("--vault-addr", vaultAddr),
      ("--vault-ca", vaultCa.map(Self.absolute)), ("--vault-namespace", vaultNamespace),
      ("--vault-token-file", vaultTokenFile.map(Self.absolute)), ("--vault-key", vaultKey.map(Self.absolute)),
    ]
    return optional.flatMap { name, value in value.map { [name, $0] } ?? [] }
  }

  private static func absolute(_ path: String) -> String { URL(filePath: path).standardizedFileURL.path }
}
