import JSONValues

/// An X.509-SVID with its private key. Printing one shows neither.
package struct WorkloadCertificate: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
  /// PEM: the leaf, then the certificates up to the root, which is left out.
  package let chain: String
  /// PEM.
  private let privateKey: String

  package init(chain: String, privateKey: String) {
    self.chain = chain
    self.privateKey = privateKey
  }

  package var description: String { "certificate with its key" }
  package var customMirror: Mirror { Mirror(self, children: []) }

  /// Envoy's `TlsCertificate`. It marks the key as sensitive: dumps show "[redacted]".
  package var json: JSON {
    [
      "certificate_chain": ["inline_string": .string(chain)],
      "private_key": ["inline_string": .string(privateKey)],
    ]
  }
}
