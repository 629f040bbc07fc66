import AgentModel
import CertificateAuthority
import Faults
import Foundation
import Logging
import Proxy
import ServiceLifecycle

/// What the gateway is reached by: DNS names and addresses of its certificate.
package struct GatewayNames: Hashable, Sendable {
  let names: [ServerName]

  /// - Throws: `Fault(.invalid)` naming the text that is neither a DNS name nor an address.
  package init(_ texts: [String]) throws {
    names = try texts.map { text in
      guard let name = ServerName(text) else {
        throw Fault(
          .invalid, operation: "make the gateway's certificate", reason: "'\(text.prefix(80))' is no name or address",
          remedy: "give --gateway-name DNS names and addresses")
      }
      return name
    }
  }
}

/// Keeps the gateway in certificates: the one that people see, the identity that control plane and node proxy see, and
/// the roots. Each is swapped while connections go on.
actor GatewayCertificates: Service {
  private static let interval = Duration.seconds(5)

  private let layout: InstanceLayout
  private let identity: IdentityAuthority
  private let names: GatewayNames
  private let driver: EnvoyDriver
  private let logger: Logger
  private var publicCertificate: (certificate: WorkloadCertificate, renewal: Date)?
  private var written: [String] = []
  private var changes = 0
  private let epoch = UInt64(Date().timeIntervalSince1970 * 1000)
  private var isTold = false

  init(layout: InstanceLayout, identity: IdentityAuthority, names: GatewayNames, logger: Logger) {
    self.layout = layout
    self.identity = identity
    self.names = names
    self.logger = logger
    driver = EnvoyDriver(
      files: EnvoyFiles(directory: layout.gatewayFiles, secretsOnly: true),
      admin: EnvoyAdmin(socket: layout.gatewayAdminSocket), logFile: nil)
  }

  /// Renews what is due, every few seconds, until the service ends.
  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        await self.publishOrWarn()
        do { try await Task.sleep(for: Self.interval) } catch { return }
      }
    }
  }

  private func publishOrWarn() async {
    do {
      try identity.renewIntermediate()
      try await publish()
      isTold = false
    } catch let fault as Fault where fault.code == .unavailable {
      // The gateway is not up: it reads the files when it is.
    } catch {
      if !isTold { logger.error("The gateway's certificates are not in force", metadata: ["error": "\(error)"]) }
      isTold = true
    }
  }

  private func publish() async throws {
    let own = try identity.identity(of: .gateway)
    let certificate = try publicCertificate(at: .now)
    let bundle = identity.authority.bundle.pem
    let parts = [certificate.chain, own.svid.certificate.chain.pem, bundle]
    guard parts != written else { return }
    try writeBundle(bundle)
    changes += 1
    let files = GatewayLayout.files(
      certificate: certificate,
      identity: WorkloadCertificate(chain: own.svid.certificate.chain.pem, privateKey: own.key.secretPEM),
      trustBundle: bundle)
    do {
      _ = try await driver.apply(files, version: "\(epoch)-\(changes)")
    } catch let fault as Fault where fault.code == .unavailable {
      written = parts
      throw fault
    }
    written = parts
  }

  /// From the built-in authority, renewed at half its life.
  private func publicCertificate(at time: Date) throws -> WorkloadCertificate {
    if let present = publicCertificate, time < present.renewal { return present.certificate }
    let key = IdentityKey()
    let issued = try identity.authority.issueServerCertificate(for: names.names, key: key.publicKey, at: time)
    var generator = SystemRandomNumberGenerator()
    let certificate = WorkloadCertificate(chain: issued.chain.pem, privateKey: key.secretPEM)
    publicCertificate = (
      certificate, RenewalPolicy.halfLife.renewal(of: issued.validity, using: &generator)
    )
    return certificate
  }

  private func writeBundle(_ bundle: String) throws {
    do {
      try Data(bundle.utf8).write(to: URL(filePath: layout.trustBundle), options: .atomic)
      guard chmod(layout.trustBundle, 0o644) == 0 else { throw CocoaError(.fileWriteNoPermission) }
    } catch {
      throw Fault(
        .failed, operation: "write \(layout.trustBundle)", reason: "the file cannot be written",
        remedy: "free disk space, or mend the file system", cause: error)
    }
  }
}
