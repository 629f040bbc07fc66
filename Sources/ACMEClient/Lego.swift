import AgentModel
import ChildProcess
import Faults
import Foundation

/// Gets certificates from a public authority with `lego`, the ACME client (RFC 8555).
///
/// It shows that a name is this platform's over HTTP (http-01): the client writes its answers into a directory, which
/// the gateway's plain port leads to. So the client listens nowhere: on a port of its own, any user of this machine
/// could wait in its place, and be certified as the platform.
package struct Lego: Sendable {
  private let settings: PublicCertificateSettings
  private let directory: String
  private let program: String
  /// Longest time for one certificate: each name's challenge may take the authority half a minute.
  private static let patience = Duration.seconds(300)

  /// - Parameter directory: where account, answers and certificates lie; made as 0700 when it is not there.
  package init(_ settings: PublicCertificateSettings, directory: String, program: String = "lego") {
    self.settings = settings
    self.directory = directory
    self.program = program
  }

  /// A certificate as the client leaves it, not looked at yet. Printing one shows no key.
  package struct Obtained: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    /// PEM, leaf first.
    package let chain: String
    /// PEM, secret.
    package let privateKey: String

    package init(chain: String, privateKey: String) {
      self.chain = chain
      self.privateKey = privateKey
    }

    package var description: String { "a certificate with its key" }
    package var customMirror: Mirror { Mirror(self, children: []) }
  }

  /// Where the client writes its answers: files below `.well-known/acme-challenge`.
  package static func challenges(in directory: String) -> String { "\(directory)/challenges" }

  /// What the authority is to find at a challenge's path.
  ///
  /// - Returns: `nil` when the client is not waiting for that question.
  package static func answer(to token: String, in directory: String) -> String? {
    // RFC 8555 §8.3: base64url, of at least 128 bits; so it leads to no other directory.
    let allowed = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    guard (16...256).contains(token.utf8.count), token.utf8.allSatisfy(allowed.contains) else { return nil }
    let path = "\(challenges(in: directory))/.well-known/acme-challenge/\(token)"
    guard let data = FileManager.default.contents(atPath: path), data.count <= 1024 else { return nil }
    return String(data: data, encoding: .utf8)
  }

  /// Asks the authority for a certificate; takes up an account there before the first.
  ///
  /// Always a whole one, with a new key: what the client calls renewal would keep names that nobody wants any more.
  ///
  /// - Throws: `Fault` in the authority's words, with what to do about it.
  package func obtain() async throws -> Obtained {
    try prepare()
    let result = try await Command(program, arguments, environment: environment).run(timeout: Self.patience)
    guard result.status == .exited(0) else {
      throw LegoFailure(result.standardError + result.standardOutput, settings: settings).fault
    }
    return Obtained(chain: try file("crt"), privateKey: try file("key"))
  }

  var arguments: [String] {
    [
      "--path", directory, "--server", "\(settings.directory)", "--email", "\(settings.email)", "--accept-tos",
      "--key-type", "ec256", "--http", "--http.webroot", Self.challenges(in: directory), "--http-timeout", "30",
    ] + settings.domains.flatMap { ["--domains", "\($0)"] } + ["run"]
  }

  var environment: [String: String] {
    var environment = Command.defaultEnvironment
    if let authorities = settings.authorities { environment["LEGO_CA_CERTIFICATES"] = authorities }
    return environment
  }

  private func prepare() throws {
    do {
      for path in [directory, Self.challenges(in: directory)] {
        try FileManager.default.createDirectory(
          atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      }
    } catch {
      throw Fault(
        .exhausted, operation: "make \(directory)", reason: "the directory cannot be made",
        remedy: "free disk space or mend the file system", cause: error)
    }
  }

  private func file(_ kind: String) throws -> String {
    let path = "\(directory)/certificates/\(settings.domains.first.map(\.description) ?? "").\(kind)"
    guard let data = FileManager.default.contents(atPath: path), let text = String(data: data, encoding: .utf8) else {
      throw Fault(
        .failed, operation: "read \(path)", reason: "lego ended well, but left no such file",
        remedy: "install Debian's lego with scripts/setup")
    }
    return text
  }
}
