import AgentModel
import ChildProcess
import Faults
import Foundation
import Glibc

/// What the control plane needs to ask a public authority for certificates, made ready by root.
extension Platform {
  /// Arguments of the control plane about the gateway.
  var gatewayArguments: [String] {
    var arguments = gatewayNames.flatMap { ["--gateway-name", $0] }
    arguments += ["--gateway-port", "\(configuration.listen.port)"]
    guard let settings = configuration.publicCertificate else { return arguments }
    arguments += settings.domains.flatMap { ["--domain", "\($0)"] }
    arguments += ["--acme-email", "\(settings.email)", "--acme-directory", "\(settings.directory)"]
    return arguments + (settings.authorities == nil ? [] : ["--acme-ca", layout.publicAuthorities])
  }

  /// - Throws: `Fault(.notFound)` without the ACME client; `Fault(.invalid)` for a file that holds no certificates.
  func preparePublicAuthorities() throws {
    guard let settings = configuration.publicCertificate else { return }
    guard Command.locate("lego") != nil else {
      throw Fault(
        .notFound, operation: "get certificates over ACME", reason: "there is no program lego",
        remedy: "run scripts/setup, or: apt install lego")
    }
    guard let file = settings.authorities else { return }
    // A file that cannot be read holds no certificate either.
    let text = FileManager.default.contents(atPath: file).flatMap { String(data: $0, encoding: .utf8) } ?? ""
    guard text.utf8.count <= 1 << 20, text.contains("-----BEGIN CERTIFICATE-----") else {
      throw Fault(
        .invalid, operation: "read \(file)", reason: "it is no PEM file with certificates",
        remedy: "name the root of the ACME directory's own certificate with --acme-ca")
    }
    do {
      try Data(text.utf8).write(to: URL(filePath: layout.publicAuthorities), options: .atomic)
      guard chmod(layout.publicAuthorities, 0o644) == 0 else { throw CocoaError(.fileWriteNoPermission) }
    } catch {
      throw Fault(
        .failed, operation: "write \(layout.publicAuthorities)", reason: "the file cannot be written",
        remedy: "free disk space, or mend the file system", cause: error)
    }
  }
}
