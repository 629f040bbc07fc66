/// A token of the secrets manager. It prints as nothing.
package struct VaultToken: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
  /// The token itself, secret.
  package let secret: String

  package init(_ secret: String) { self.secret = secret }

  package var description: String { "[token]" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}

/// What a login or the making of a token answers.
package struct VaultLogin: Sendable {
  package let token: VaultToken
  package let accessor: String
  package let entityID: String
  package let policies: [String]
  /// Seconds; 0 for a token without an end.
  package let lease: Int
  package let isRenewable: Bool
}
