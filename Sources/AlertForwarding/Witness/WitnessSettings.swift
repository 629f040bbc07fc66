/// Who is to keep checkpoints of the audit log.
package struct WitnessSettings: Hashable, Sendable {
  package var addresses: [WitnessAddress]
  /// The file of the secret that requests are signed with; needed when an address is a URL.
  package var secretFile: String?

  package init(addresses: [WitnessAddress] = [], secretFile: String? = nil) {
    self.addresses = addresses
    self.secretFile = secretFile
  }

  /// The options of `up` and of the control plane that say the same.
  package var arguments: [String] {
    addresses.flatMap { ["--audit-witness", "\($0)"] }
      + (secretFile.map { ["--audit-witness-secret-file", $0] } ?? [])
  }

  package var needsSecret: Bool {
    addresses.contains { if case .web = $0 { true } else { false } }
  }
}
