import ACMEClient
import AgentModel
import CertificateAuthority
import Faults
import Foundation
import Logging
import Proxy
import ServiceLifecycle

/// Keeps the gateway in a certificate of a public authority: got over ACME, kept over restarts, renewed at two thirds of
/// its life. What it has, it keeps while renewal fails; and that it fails, it says from the first time on.
actor PublicCertificates: Service {
  /// Longest sleep: a clock that is set forward must not make a renewal late.
  private static let longestSleep: TimeInterval = 60

  private let settings: PublicCertificateSettings
  private let file: PublicCertificateFile
  /// Asks the authority.
  private let obtain: @Sendable () async throws -> Lego.Obtained
  /// Whether the gateway would answer the authority's question now.
  private let isServing: @Sendable () async -> Bool
  private let audit: AuditTrail
  private let logger: Logger
  /// The certificate in force: of an earlier run until this one got another.
  private lazy var present: ForeignCertificate? = file.read(for: names, at: .now)
  private var failure: Failure?

  /// Attempts that failed, one after the other.
  struct Failure: Sendable {
    var fault: Fault
    var count: Int
    var time: Date
    var retry: Date
  }

  init(
    settings: PublicCertificateSettings, layout: InstanceLayout, audit: AuditTrail, logger: Logger,
    obtain: (@Sendable () async throws -> Lego.Obtained)? = nil, isServing: (@Sendable () async -> Bool)? = nil
  ) {
    self.settings = settings
    self.audit = audit
    self.logger = logger
    let directory = layout.publicCertificateDirectory
    file = PublicCertificateFile(path: "\(directory)/current.pem", authority: "\(settings.directory)")
    let lego = Lego(settings, directory: directory)
    self.obtain = obtain ?? { try await lego.obtain() }
    let admin = EnvoyAdmin(socket: layout.gatewayAdminSocket)
    self.isServing =
      isServing ?? {
        // Down and not answering are the same here; the gateway's own state is told elsewhere.
        (try? await admin.server())?.state == "LIVE"
      }
  }

  private nonisolated var names: [String] { settings.domains.map(\.description) }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        let pause = await self.step(at: .now)
        do { try await Task.sleep(for: .seconds(pause)) } catch { return }
      }
    }
  }

  /// Does what is due.
  ///
  /// - Returns: seconds until the next step.
  func step(at time: Date) async -> TimeInterval {
    // A clock that stood ahead when the authority was asked would put the next attempt off as far.
    let retry = failure.map { time < $0.time ? time : $0.retry }
    let due = retry ?? present.map(Self.renewal) ?? time
    guard time >= due else { return min(due.timeIntervalSince(time), Self.longestSleep) }
    guard await isServing() else { return 1 }
    do {
      let obtained = try await obtain()
      let certificate = try ForeignCertificate(
        chain: obtained.chain, privateKey: obtained.privateKey, for: names, at: .now)
      await take(certificate)
    } catch {
      if Task.isCancelled { return 0 }
      await fail(error, at: time)
    }
    return 0.5
  }

  /// - Returns: the certificate to show; `nil` when there is none that holds good.
  func certificate(at time: Date) -> ForeignCertificate? {
    present.flatMap { $0.validity.contains(time) ? $0 : nil }
  }

  static func renewal(of certificate: ForeignCertificate) -> Date {
    RenewalPolicy.twoThirds.renewal(of: certificate.validity)
  }

  private func take(_ certificate: ForeignCertificate) async {
    do { try file.write(certificate) } catch {
      // It is in force all the same; only the next start has to ask again.
      logger.warning("The public certificate is not kept", metadata: ["error": "\(error)"])
    }
    present = certificate
    failure = nil
    logger.info(
      "A public certificate is there",
      metadata: ["certificate.issuer": "\(certificate.issuer)", "certificate.end": "\(certificate.validity.notAfter)"])
    await record(
      "allowed",
      [
        "issuer": certificate.issuer, "serial": certificate.serial,
        "not.after": certificate.validity.notAfter.ISO8601Format(),
      ])
  }

  private func fail(_ error: any Error, at time: Date) async {
    let fault = Fault.wrap(
      error, operation: "get a certificate for \(names.joined(separator: ", "))", remedy: "see the control plane's log")
    let count = (failure?.count ?? 0) + 1
    let life = present.map { present in
      (
        whole: present.validity.notAfter.timeIntervalSince(present.validity.notBefore),
        left: present.validity.notAfter.timeIntervalSince(time)
      )
    }
    let now = Date.now
    let retry = now.addingTimeInterval(RetrySchedule.pause(after: count, life: life))
    failure = Failure(fault: fault, count: count, time: now, retry: retry)
    let end = present?.validity.notAfter.ISO8601Format() ?? "none"
    logger.error(
      "The public authority gives no certificate",
      metadata: [
        "error": "\(fault)", "attempt": "\(count)", "retry.time": "\(retry.ISO8601Format())",
        "certificate.end": "\(end)",
      ])
    await record("failed", ["reason": fault.reason, "attempt": "\(count)", "present.not.after": end])
  }

  private func record(_ outcome: String, _ details: [String: String]) async {
    let shared = ["authority": "\(settings.directory)"]
    await audit.note(
      AuditEvent(
        actor: "control-plane", action: "certificate.obtain", target: "certificate \(nameList(names))",
        outcome: outcome, details: details.merging(shared) { own, _ in own }.mapValues { shortened($0, bytes: 500) }))
  }

  // MARK: Status

  /// How it does, in a sentence, and whether a person has to look.
  func report(at time: Date) -> (isWell: Bool, text: String) {
    let list = names.joined(separator: ", ")
    guard let present = certificate(at: time) else {
      let instead = "the built-in authority's certificate is shown meanwhile"
      guard let failure else { return (false, "the first certificate for \(list) is being asked for; \(instead)") }
      return (false, "no certificate for \(list): \(Self.text(failure)); \(instead)")
    }
    let end = present.validity.notAfter.ISO8601Format()
    if let failure {
      return (false, "the certificate for \(list) ends at \(end) and is not renewed: \(Self.text(failure))")
    }
    return (
      true,
      "certificate for \(list) by \(present.issuer) until \(end), renewed from \(Self.renewal(of: present).ISO8601Format())"
    )
  }

  private static func text(_ failure: Failure) -> String {
    "\(failure.fault.reason); \(failure.fault.remedy) (failed \(failure.count) times, next try at "
      + "\(failure.retry.ISO8601Format()))"
  }
}
