import APIModel
import AgentModel
import CertificateAuthority
import Faults
import Files
import Foundation
import Logging
import Proxy
import ServiceLifecycle

/// Keeps the gateway in certificates: the one that people see, the identity that control plane and node proxy see, and
/// the roots. Each is swapped while connections go on.
actor GatewayCertificates: Service {
  private static let interval = Duration.seconds(1)

  private let layout: InstanceLayout
  private let identity: IdentityAuthority
  private let settings: GatewaySettings
  private let driver: EnvoyDriver
  /// A public authority's; `nil` when nobody asked for that.
  private let external: PublicCertificates?
  let admin: EnvoyAdmin
  private let logger: Logger
  private var own: OwnCertificate?
  private var written: [String] = []
  private var changes = 0
  private let epoch = UInt64(Date().timeIntervalSince1970 * 1000)
  private var failure: String?

  /// From the built-in authority.
  private struct OwnCertificate {
    var certificate: WorkloadCertificate
    var renewal: Date
    var validity: Validity
    /// The intermediate that issued it, which alone signs its revocation list.
    var issuer: Validity?
  }

  init(
    layout: InstanceLayout, identity: IdentityAuthority, settings: GatewaySettings, external: PublicCertificates? = nil,
    logger: Logger
  ) {
    self.layout = layout
    self.identity = identity
    self.settings = settings
    self.external = external
    self.logger = logger
    admin = EnvoyAdmin(socket: layout.gatewayAdminSocket)
    driver = EnvoyDriver(
      files: EnvoyFiles(directory: layout.gatewayFiles, secretsOnly: true), admin: admin, logFile: nil)
  }

  /// Renews what is due, every second, until the service ends.
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
      try await identity.renewIntermediate()
      try await publish()
      failure = nil
    } catch let fault as Fault where fault.code == .unavailable {
      // The gateway is not up: it reads the files when it is.
    } catch {
      if failure == nil {
        logger.error("The gateway's certificates are not in force", metadata: ["error": "\(error)"])
      }
      failure = "\(error)"
    }
  }

  private func publish() async throws {
    let own = try identity.identity(of: .gateway)
    let certificate = try await publicCertificate(at: .now)
    let bundle = identity.authority.bundle.pem
    let parts = [certificate.chain, own.svid.certificate.chain.pem, bundle]
    guard parts != written else { return }
    try writeAtomically(Data(bundle.utf8), to: layout.trustBundle, mode: 0o644)
    changes += 1
    let files = GatewayLayout.files(
      certificate: certificate,
      identity: WorkloadCertificate(chain: own.svid.certificate.chain.pem, privateKey: own.key.secretPEM),
      trustBundle: bundle)
    // A gateway that is down has not taken it: tried again until it has.
    _ = try await driver.apply(files, version: "\(epoch)-\(changes)")
    written = parts
  }

  private func publicCertificate(at time: Date) async throws -> WorkloadCertificate {
    if let foreign = await external?.certificate(at: time) {
      return WorkloadCertificate(chain: foreign.chain, privateKey: foreign.privateKey)
    }
    return try ownCertificate(at: time)
  }

  private func ownCertificate(at time: Date) throws -> WorkloadCertificate {
    let issuer = identity.authority.intermediateValidity
    // A clock that was set back makes a certificate of the future, which nobody believes.
    if let own, own.validity.contains(time), time < own.renewal, own.issuer == issuer { return own.certificate }
    let key = IdentityKey()
    let issued = try identity.authority.issueServerCertificate(
      for: settings.names, key: key.publicKey, revocations: settings.revocations, at: time)
    let fresh = OwnCertificate(
      certificate: WorkloadCertificate(chain: issued.chain.pem, privateKey: key.secretPEM),
      renewal: RenewalPolicy.quarterLife.renewal(of: issued.validity),
      validity: issued.validity, issuer: issuer)
    own = fresh
    return fresh.certificate
  }

  // MARK: Status

  /// How the gateway does: whether it serves what was written for it, and how long its certificate lasts.
  func component(at time: Date = .now) async -> PlatformStatus.Component {
    func component(_ state: String, _ detail: String) -> PlatformStatus.Component {
      PlatformStatus.Component(name: "gateway", state: state, detail: detail)
    }
    let certificate = await certificateReport(at: time)
    do {
      let found = try await driver.readBack()
      let envoy = "Envoy \(found.server.release)"
      guard found.isCurrent else {
        return component("degraded", "\(envoy) does not serve what was written for it yet; \(certificate.text)")
      }
      if let failure { return component("degraded", "its certificates are not in force: \(failure)") }
      return component(certificate.isWell ? "ready" : "degraded", "\(envoy); \(certificate.text)")
    } catch {
      let reason = (error as? Fault)?.reason ?? "\(error)"
      return component("down", "\(reason); see \(layout.logDirectory)/gateway.log; \(certificate.text)")
    }
  }

  /// When the certificate ends that people see.
  func certificateEnd(at time: Date) async -> Date? {
    await external?.certificate(at: time)?.validity.notAfter ?? own?.validity.notAfter
  }

  private func certificateReport(at time: Date) async -> (isWell: Bool, text: String) {
    if let external {
      let report = await external.report(at: time)
      let chain = await external.certificate(at: time)?.chain
      return chain == nil || chain == written.first ? report : (false, "the gateway takes it up now: \(report.text)")
    }
    guard let own else { return (false, "there is no certificate yet") }
    return (
      own.validity.contains(time),
      "certificate for \(settings.names.first.map(\.description) ?? "") by the built-in authority until "
        + own.validity.notAfter.ISO8601Format()
    )
  }
}
