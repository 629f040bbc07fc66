import AgentModel
import ArgumentParser
import Foundation

/// Names that a public authority is to certify.
struct PublicCertificateOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A DNS name that leads to this machine, to be certified by a public authority over ACME; repeat for several.",
      valueName: "name"), transform: parseDomain)
  var domain: [PublicDomain] = []

  @Option(
    help: ArgumentHelp("Where the authority writes about the certificates.", valueName: "address"),
    transform: parseText)
  var acmeEmail: MailAddress?

  @Option(
    help: ArgumentHelp(
      "The authority's ACME directory (default: \(PublicCertificateSettings.DirectoryURL.default)).", valueName: "url"),
    transform: parseText)
  var acmeDirectory: PublicCertificateSettings.DirectoryURL?

  @Option(
    help: ArgumentHelp(
      "PEM file of the roots that vouch for the ACME directory (default: the system's).", valueName: "file"),
    completion: .file())
  var acmeCa: String?

  mutating func validate() throws {
    if domain.isEmpty {
      let idle = [
        ("--acme-email", acmeEmail != nil), ("--acme-directory", acmeDirectory != nil), ("--acme-ca", acmeCa != nil),
      ].filter(\.1).map(\.0)
      if let option = idle.first { throw ValidationError("\(option) is for certificates: give --domain too") }
      return
    }
    guard acmeEmail != nil else {
      throw ValidationError(
        "--domain needs --acme-email: the authority writes there before a certificate ends that nobody renewed")
    }
    guard domain.count <= 100 else { throw ValidationError("a certificate has at most 100 names") }
    guard Set(domain).count == domain.count else { throw ValidationError("a --domain is given twice") }
  }

  /// `nil` when the built-in authority is to do.
  var settings: PublicCertificateSettings? {
    guard let acmeEmail, !domain.isEmpty else { return nil }
    return PublicCertificateSettings(
      domains: domain, email: acmeEmail, directory: acmeDirectory ?? .default,
      authorities: acmeCa.map { URL(filePath: $0).standardizedFileURL.path })
  }

  /// The same options on another command line.
  var arguments: [String] {
    guard let settings else { return [] }
    return settings.domains.flatMap { ["--domain", "\($0)"] }
      + ["--acme-email", "\(settings.email)", "--acme-directory", "\(settings.directory)"]
      + (settings.authorities.map { ["--acme-ca", $0] } ?? [])
  }
}

/// Parses a domain, and says of a wrong one what to write instead.
@Sendable private func parseDomain(_ text: String) throws -> PublicDomain {
  if let objection = PublicDomain.objection(to: text) {
    throw ValidationError("'\(text)' cannot be certified: \(objection)")
  }
  return try parseText(text)
}
