import APIClient
import APIModel
import AgentModel
import AlertForwarding
import ChildProcess
import Faults
import Foundation
import Glibc
import Logging

/// One installation of Lobstack on this machine: brings it up, takes it down, removes it.
package struct Platform: Sendable {
  package struct Configuration: Sendable {
    package var layout: InstanceLayout
    /// `policy/` to use; by default the one that lies near the program.
    package var policy: String?
    /// Path of runsc; a bare name is looked up.
    package var runtime: String
    /// Envoy's program; `nil` takes the one of PATH, or the pinned one.
    package var envoy: String?
    /// OpenBao's program; `nil` takes the one of PATH, or the pinned one.
    package var openBao: String?
    package var secretsManager: SecretsManagerChoice
    /// Where people reach the gateway.
    package var listen: ListenAddress
    package var trustDomain: TrustDomain
    /// PEM file of the authorities that vouch for the hosts that agents reach with a credential; `nil`: the system's.
    package var upstreamAuthorities: String?
    /// Address of the DNS server that finds those hosts; `nil`: the system's.
    package var resolver: String?
    /// Names that the gateway's certificate is for, beside this machine's own.
    package var gatewayNames: [String]
    /// Requests a second that the gateway takes of one token.
    package var gatewayRate: Int
    /// The public authority that certifies the gateway; `nil`: the built-in one.
    package var publicCertificate: PublicCertificateSettings?
    /// Where plain HTTP is sent on to HTTPS, and a public authority asks its questions; `nil` for nowhere.
    package var plainListen: ListenAddress?
    /// Where alerts are sent on to, beside their file below `log/`.
    package var forwarding: ForwardingSettings
    /// Who keeps checkpoints of the audit log.
    package var witness: WitnessSettings
    package var logFormat: LogFormat
    /// How often the controls are attacked by the platform itself.
    package var verifyEvery: VerificationInterval
    /// File of what such a run accepts as not proven; `nil` for nothing.
    package var verifyWaivers: String?
    /// The program that runs now, whose copy the platform's processes run.
    package var executable: String

    package init(
      layout: InstanceLayout, policy: String? = nil, runtime: String = "runsc", envoy: String? = nil,
      openBao: String? = nil, secretsManager: SecretsManagerChoice = .own(.file(nil)),
      listen: ListenAddress = .gatewayDefault, trustDomain: TrustDomain = .default,
      upstreamAuthorities: String? = nil, resolver: String? = nil, gatewayNames: [String] = [],
      gatewayRate: Int = Self.defaultGatewayRate,
      publicCertificate: PublicCertificateSettings? = nil, plainListen: ListenAddress? = nil,
      forwarding: ForwardingSettings = ForwardingSettings(), witness: WitnessSettings = WitnessSettings(),
      logFormat: LogFormat = .text, verifyEvery: VerificationInterval = .off,
      verifyWaivers: String? = nil,
      executable: String = Platform.currentExecutable
    ) {
      self.layout = layout
      self.policy = policy
      self.runtime = runtime
      self.envoy = envoy
      self.openBao = openBao
      self.secretsManager = secretsManager
      self.listen = listen
      self.trustDomain = trustDomain
      self.upstreamAuthorities = upstreamAuthorities
      self.resolver = resolver
      self.gatewayNames = gatewayNames
      self.gatewayRate = gatewayRate
      self.publicCertificate = publicCertificate
      self.plainListen = plainListen
      self.forwarding = forwarding
      self.witness = witness
      self.logFormat = logFormat
      self.verifyEvery = verifyEvery
      self.verifyWaivers = verifyWaivers
      self.executable = executable
    }
  }

  /// Longest time from the start of the processes until the API answers.
  package static let readinessLimit = Duration.seconds(60)

  package let configuration: Configuration
  let logger: Logger

  var layout: InstanceLayout { configuration.layout }

  package init(_ configuration: Configuration, logger: Logger) {
    self.configuration = configuration
    self.logger = logger
  }

  /// The path of the program that runs now.
  package static var currentExecutable: String {
    // Without /proc nothing of the platform works, and the next use of the path says so.
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
  }

  /// The state of the platform, when it runs: asked of the API.
  package func status() async throws -> PlatformStatus {
    try await withClient { try await $0.status() }
  }

  /// The supervisor's process id; `nil` when the platform is down.
  package var supervisor: Int32? { SupervisorLock.holder(layout) }

  func requireRoot(_ operation: String) throws {
    guard geteuid() == 0 else {
      throw Fault(
        .denied, operation: operation, reason: "sandboxes, cgroups and network namespaces need root",
        remedy: "run the command with sudo")
    }
  }

  func withClient<Value: Sendable>(_ body: (APIClient) async throws -> Value) async throws -> Value {
    let client = APIClient(address: .unix(layout.apiSocket))
    do {
      let value = try await body(client)
      try await client.shutdown()
      return value
    } catch {
      // The first failure is the one to tell.
      try? await client.shutdown()
      throw error
    }
  }

  /// Waits for the gateway, which starts when the control plane has written its certificate: moments after the API is
  /// ready. One that does not come is told by the status, and keeps nothing else from working.
  func waitForGateway() async {
    let deadline = ContinuousClock.now + .seconds(10)
    while ContinuousClock.now < deadline {
      let status = try? await withClient { try await $0.status() }
      if status?.components.contains(where: { $0.name == "gateway" && $0.state == "ready" }) == true { return }
      do { try await Task.sleep(for: .milliseconds(100)) } catch { return }
    }
  }

  var isReady: Bool {
    get async {
      // Not ready and not answering are the same to whoever waits.
      (try? await withClient { try await $0.ready() }) != nil
    }
  }
}
