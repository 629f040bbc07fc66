import Admission
import AgentModel
import Faults
import Foundation
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Instruments
import Logging
import NIOCore
import Rego
import ServerCertificates
import ServiceGroups
import ServiceLifecycle

/// A validating admission webhook of Kubernetes: AdmissionReviews in, decisions by the same policies out.
package struct WebhookService: Sendable {
  /// Where reviews are sent, as to Gatekeeper.
  package static let path = "/v1/admit"
  /// An object and what it was, as large as the API server takes them.
  private static let longestRequest = 8 << 20

  private let settings: WebhookSettings
  private let policies: LivePolicies
  private let certificate: ServingCertificate
  private let metrics = WebhookMetrics()
  private let threads = EvaluationThreads(mostWaiting: 64)
  private let logger: Logger

  /// - Throws: `Fault` for a certificate, or policies, that cannot be read.
  package init(_ settings: WebhookSettings, logger: Logger) throws {
    self.settings = settings
    self.logger = logger
    certificate = try ServingCertificate(
      ServingCertificate.Source(
        certificate: settings.certificate, key: settings.key, clientAuthorities: settings.clientAuthorities),
      logger: logger)
    policies = LivePolicies(directory: settings.policyDirectory)
    if let fault = policies.reload().state.faults.first { throw fault }
  }

  /// Serves until the calling task is cancelled; then requests in flight have a few seconds to end.
  ///
  /// - Parameters:
  ///   - running: called with the port when connections are accepted.
  ///   - probing: called with the port of the probes.
  package func run(
    running: @escaping @Sendable (Int) async -> Void = { _ in },
    probing: @escaping @Sendable (Int) async -> Void = { _ in }
  ) async throws {
    let reviews = router()
    reviews.post("\(Self.path)") { request, _ in try await admit(request) }
    var services: [any Service] = [
      FileWatch(policies: policies, certificate: certificate, logger: logger),
      application(
        reviews, at: settings.address,
        try .tls(Self.http(idle: .seconds(75)), configuration: certificate.configuration()), running),
    ]
    if let address = settings.probes {
      services.append(application(router(), at: address, Self.http(idle: .seconds(15)), probing))
    }
    try await ServiceGroup.run(services, logger: logger)
  }

  private static func http(idle: TimeAmount) -> HTTPServerBuilder {
    .http1(configuration: HTTP1Channel.Configuration(idleTimeout: idle))
  }

  private func application(
    _ router: Router<BasicRequestContext>, at address: ListenAddress, _ server: HTTPServerBuilder,
    _ running: @escaping @Sendable (Int) async -> Void
  ) -> some ApplicationProtocol {
    Application(
      responder: router.buildResponder(), server: server,
      configuration: ApplicationConfiguration(
        address: .hostname(address.host, port: Int(address.port)),
        availableConnectionsDelegate: .maximum(128, logger: logger)),
      onServerRunning: { channel in await running(channel.localAddress?.port ?? 0) }, logger: logger)
  }

  /// What is answered everywhere.
  private func router() -> Router<BasicRequestContext> {
    let router = Router()
    router.get("/healthz") { _, _ in "ok\n" }
    router.get("/readyz") { _, _ -> Response in
      guard let fault = policies.state.faults.first else { return Self.plain(.ok, "ok\n") }
      return Self.plain(.serviceUnavailable, "\(fault)\n")
    }
    router.get("/metrics") { _, _ in
      Response(
        status: .ok, headers: [.contentType: Exposition.mediaType],
        body: ResponseBody(byteBuffer: ByteBuffer(string: metrics.exposition.text)))
    }
    return router
  }

  private func admit(_ request: Request) async throws -> Response {
    let start = ContinuousClock.now
    let end = start + min(settings.timeout, Self.patience(request) ?? settings.timeout)
    let (review, decision): (Review, Decision)
    do {
      let body = String(buffer: try await request.body.collect(upTo: Self.longestRequest))
      (review, decision) = try await threads.run { [self] in
        let review = try Review(admissionReview: Value(json: body))
        return (review, decide(review, until: end))
      }
    } catch is EvaluationThreads.Busy {
      metrics.count(.failed, .now - start)
      return Self.plain(.serviceUnavailable, "too many reviews wait for their answers\n")
    } catch {
      metrics.count(.invalid, .now - start)
      let reason = (error as? Fault)?.reason ?? "it is no JSON, or has more than \(Self.longestRequest) bytes"
      return Self.plain(.badRequest, "not an AdmissionReview: \(reason)\n")
    }
    metrics.count(!decision.failures.isEmpty ? .failed : decision.isAllowed ? .allowed : .denied, .now - start)
    if let failure = decision.failures.first {
      logger.error("A policy could not be asked", metadata: ["error": "\(failure)"])
    }
    return Response(
      status: .ok, headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: ReviewAnswer.text(decision, uid: review.uid))))
  }

  private func decide(_ review: Review, until end: ContinuousClock.Instant) -> Decision {
    let state = policies.state
    guard state.faults.isEmpty else { return Decision(failures: state.faults) }
    return state.policies.review(
      review, at: .validation, time: end - .now, now: Date.now.nanoseconds)
  }

  /// What the API server says it waits, and half a second less, for the way back.
  private static func patience(_ request: Request) -> Duration? {
    guard let text = request.uri.queryParameters["timeout"], text.hasSuffix("s"), let seconds = Double(text.dropLast()),
      seconds > 0, seconds <= 60
    else { return nil }
    return .seconds(max(seconds - 0.5, seconds / 2))
  }

  private static func plain(_ status: HTTPResponse.Status, _ text: String) -> Response {
    Response(
      status: status, headers: [.contentType: "text/plain; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }
}

/// Takes up files that changed.
private struct FileWatch: Service {
  private static let look = Duration.seconds(2)

  let policies: LivePolicies
  let certificate: ServingCertificate
  let logger: Logger

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        do { try await Task.sleep(for: Self.look) } catch { return }
        certificate.reload()
        switch policies.reload().change {
        case .none: break
        case .loaded: logger.info("Policies are in force", metadata: ["version": "\(policies.state.version ?? "")"])
        case .refused(let faults):
          logger.error(
            "Policies are refused, and everything with them", metadata: ["error": "\(BrokenPolicies(faults))"])
        }
      }
    }
  }
}
