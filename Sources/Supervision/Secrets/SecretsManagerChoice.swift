/// Which secrets manager the platform uses.
package enum SecretsManagerChoice: Sendable, Hashable {
  /// How the platform's own OpenBao gets at its master key at each start.
  package enum Unsealing: Sendable, Hashable {
    /// By itself, with a key in a file; `nil` for the one in the instance's directory.
    case file(String?)
    /// By shares that people give with `lobstack vault unseal`.
    case shares
  }

  /// One that the platform runs.
  case own(Unsealing)
  /// One that others run.
  case existing(ExistingSecretsManager)
}

/// An OpenBao or a HashiCorp Vault that others run.
package struct ExistingSecretsManager: Sendable, Hashable {
  /// Where it answers; several nodes of a cluster are separated by commas.
  package var urls: String
  /// PEM file of the authorities that vouch for it; `nil`: the system's.
  package var authorities: String?
  /// The namespace that is the platform's.
  package var namespace: String?
  /// File of a token by which it is provisioned; `nil`: by a login as the role `operator`.
  package var tokenFile: String?
  /// File of the private key by which root logs in as that role; `nil`: the instance's own.
  package var keyFile: String?

  package init(
    urls: String, authorities: String? = nil, namespace: String? = nil, tokenFile: String? = nil,
    keyFile: String? = nil
  ) {
    self.urls = urls
    self.authorities = authorities
    self.namespace = namespace
    self.tokenFile = tokenFile
    self.keyFile = keyFile
  }
}
