import HCL
import Manifests

/// How OpenBao gets at its master key: the `seal` stanza of its configuration.
package struct VaultSeal: Hashable, Sendable {
  package var text: String
  /// `static`, or a key management service: `awskms`, `gcpckms`, `azurekeyvault`, `transit`, `pkcs11`.
  package var kind: String

  /// Parts of the names of fields that hold what nobody may read.
  private static let secretWords = ["secret", "token", "password", "credential", "pin", "access_key", "current_key"]

  /// A values file is kept where many can read it, and so is the configuration that comes of it.
  ///
  /// - Throws: `Fault(.invalid)` for another text than one stanza, and for a secret in it.
  init(_ field: Manifest) throws {
    let text = try field.string()
    let document: HCLDocument
    do { document = try HCLDocument(parsing: text, file: "vault.seal") } catch {
      throw field.fault("\(error)", remedy: "write OpenBao's stanza: seal \"awskms\" { … }")
    }
    guard document.attributes.isEmpty, document.blocks.count == 1, let seal = document.blocks.first,
      seal.type == "seal", seal.labels.count == 1, seal.blocks.isEmpty
    else { throw field.fault("it is not one seal stanza", remedy: "write OpenBao's stanza: seal \"awskms\" { … }") }
    for (name, value) in seal.attributes.entries where Self.holdsSecret(name, value) {
      throw field.fault(
        "'\(name)' is a secret",
        remedy:
          "give the servers an identity that the key management service knows, or name a file: file:///openbao/seal/key"
      )
    }
    self.text = text.last == "\n" ? text : text + "\n"
    kind = seal.labels[0]
  }

  private static func holdsSecret(_ name: String, _ value: HCLValue) -> Bool {
    guard !name.hasSuffix("_id"), secretWords.contains(where: name.contains) || name == "previous_key" else {
      return false
    }
    guard case .string(let text) = value else { return true }
    return !text.hasPrefix("file://") && !text.hasPrefix("env://")
  }
}
