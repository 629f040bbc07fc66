/// A DNS name that people on the Internet reach the platform by, and that a public authority certifies.
///
/// In the one spelling of a certificate: lower case, at least two labels, no wildcard, no final dot (RFC 1123 §2.1).
package struct PublicDomain: ParsedText {
  package let description: String
  package static let rule = "a DNS name such as agents.example.org"

  package init?(_ text: String) {
    guard Self.objection(to: text) == nil else { return nil }
    description = text
  }

  /// What is wrong with a text, and what to write instead; `nil` when nothing is.
  package static func objection(to text: String) -> String? {
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    if text.contains("*") {
      return "wildcards cannot be shown to be yours over HTTP (RFC 8555 §8.3): list each name with its own --domain"
    }
    guard text.utf8.allSatisfy({ $0 < 0x80 }) else {
      return "it is not ASCII: write the name as DNS has it, with xn-- (RFC 5891 §4.4)"
    }
    if text.contains(":") || (labels.count == 4 && labels.allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isNumber) }) {
      return "it is an address or has a port: give a DNS name alone, that leads to this machine"
    }
    if text != text.lowercased() { return "names of certificates are in lower case" }
    guard text.utf8.count <= 253, labels.allSatisfy({ isDNSLabel(String($0)) }) else {
      return "give labels of 1 to 63 of a-z, 0-9 and '-', with dots between and none at the end"
    }
    guard labels.count >= 2, let last = labels.last, !last.allSatisfy(\.isNumber) else {
      return "no public authority certifies a name without a domain: give the whole name"
    }
    return nil
  }
}

/// Where an authority sends word about a certificate that is about to end.
package struct MailAddress: ParsedText {
  package let description: String
  package static let rule = "a mail address such as ops@example.org"

  package init?(_ text: String) {
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    guard parts.count == 2, (1...64).contains(parts[0].utf8.count), text.utf8.count <= 254,
      parts[0].utf8.allSatisfy({ Self.local.contains($0) }), !parts[0].hasPrefix("-"),
      PublicDomain.objection(to: parts[1].lowercased()) == nil
    else { return nil }
    description = text
  }

  /// What mail servers take without quotes (RFC 5322 §3.2.3), but for what a path or a shell could misread: the client
  /// names a directory after the address.
  private static let local = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-".utf8)
}

/// Which authority certifies which names, over ACME (RFC 8555).
package struct PublicCertificateSettings: Hashable, Sendable {
  /// At least one; the first names the certificate's files.
  package var domains: [PublicDomain]
  package var email: MailAddress
  package var directory: DirectoryURL
  /// PEM file of the authorities that vouch for the directory; `nil`: the system's.
  package var authorities: String?

  package init(
    domains: [PublicDomain], email: MailAddress, directory: DirectoryURL = .default, authorities: String? = nil
  ) {
    self.domains = domains
    self.email = email
    self.directory = directory
    self.authorities = authorities
  }

  /// The address of an ACME directory: https only, since who answers there decides who the platform is.
  package struct DirectoryURL: ParsedText {
    package let description: String
    package static let rule = "the https URL of an ACME directory"

    package init?(_ text: String) {
      let scheme = "https://"
      guard text.hasPrefix(scheme), text.utf8.count <= 512, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }),
        let host = text.dropFirst(scheme.count).split(separator: "/", omittingEmptySubsequences: false).first,
        !host.isEmpty, !host.contains("@"), !text.contains("#")
      else { return nil }
      description = text
    }

    private init(unchecked text: String) { description = text }

    /// Let's Encrypt.
    package static let `default` = DirectoryURL(unchecked: "https://acme-v02.api.letsencrypt.org/directory")
  }
}
