import AgentModel
import ArgumentParser
import Foundation
import Logging
import Supervision

extension Logger {
  /// Of whoever starts, stops or keeps the platform: what an operator asks about.
  static func supervisor(_ format: LogFormat = .text) -> Logger {
    var logger = Logger(label: "lobstack.supervisor") { format.handler($0) }
    logger.logLevel = .notice
    return logger
  }
}

/// What the platform is started with.
struct PlatformOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Policy directory (default: $LOBSTACK_POLICY, or the one that lies near the program).", valueName: "directory"),
    completion: .directory)
  var policy: String?

  @Option(help: ArgumentHelp("gVisor's program: a path, or a name to look up.", valueName: "path"))
  var runsc = "runsc"

  @Option(help: ArgumentHelp("Envoy's program (default: the one of PATH, or the pinned one).", valueName: "path"))
  var envoy: String?

  @Option(help: ArgumentHelp("OpenBao's program (default: the one of PATH, or the pinned one).", valueName: "path"))
  var openbao: String?

  @OptionGroup var vault: SecretsManagerOptions

  @Option(
    help: ArgumentHelp(
      "Where the gateway listens: API and agents over TLS, for bearers of tokens (default: 127.0.0.1:8443).",
      valueName: "address:port"), transform: parseText)
  var listen: ListenAddress?

  @Option(
    help: ArgumentHelp(
      "A DNS name or address that people reach the gateway by, for its certificate; repeat for several.",
      valueName: "name"))
  var gatewayName: [String] = []

  @Option(
    help: ArgumentHelp(
      "Requests a second that the gateway takes of one token, and twice as many of one address; four times as many at once.",
      valueName: "number"))
  var gatewayRate = Platform.Configuration.defaultGatewayRate

  @Option(
    help: ArgumentHelp(
      "SPIFFE trust domain of all identities (default: \(TrustDomain.default)).", valueName: "domain"),
    transform: parseText)
  var trustDomain: TrustDomain?

  @Option(
    help: ArgumentHelp(
      "PEM file of the authorities that vouch for hosts with a credential (default: the system's).",
      valueName: "file"), completion: .file())
  var upstreamAuthorities: String?

  @Option(
    help: ArgumentHelp(
      "DNS server that finds the agents' hosts (default: those of /etc/resolv.conf).", valueName: "address"))
  var resolver: String?

  @OptionGroup var external: PublicCertificateOptions

  @Option(
    help: ArgumentHelp(
      "Where plain HTTP is sent on to HTTPS, and an ACME authority asks (default: 0.0.0.0:80 with --domain, else nowhere).",
      valueName: "address:port"), transform: parseText)
  var httpListen: ListenAddress?

  @OptionGroup var alerts: AlertForwardingOptions

  @OptionGroup var witness: AuditWitnessOptions

  @Option(help: "How the platform's processes write their logs: text, or a line of JSON for each record.")
  var logFormat = LogFormat.text

  mutating func validate() throws {
    let rates = Platform.Configuration.gatewayRates
    guard rates.contains(gatewayRate) else {
      throw ValidationError("--gateway-rate is a number from \(rates.lowerBound) to \(rates.upperBound)")
    }
  }

  private var plainListen: ListenAddress? { httpListen ?? (external.settings == nil ? nil : .plainDefault) }

  func platform(
    _ instance: InstanceOptions, verifyEvery: VerificationInterval = .off, verifyWaivers: String? = nil
  ) throws -> Platform {
    Platform(
      Platform.Configuration(
        layout: try instance.layout(), policy: absolutePolicy, runtime: runsc, envoy: envoy,
        openBao: openbao, secretsManager: vault.choice, listen: listen ?? .gatewayDefault,
        trustDomain: trustDomain ?? .default,
        upstreamAuthorities: upstreamAuthorities.map(absolute), resolver: resolver, gatewayNames: gatewayName,
        gatewayRate: gatewayRate,
        publicCertificate: external.settings, plainListen: plainListen, forwarding: alerts.settings,
        witness: witness.settings, logFormat: logFormat, verifyEvery: verifyEvery,
        verifyWaivers: verifyWaivers),
      logger: .supervisor(logFormat))
  }

  /// The same options on another command line.
  var arguments: [String] {
    var arguments = ["--runsc", runsc, "--log-format", logFormat.rawValue, "--gateway-rate", "\(gatewayRate)"]
    let optional: [(String, String?)] = [
      ("--policy", absolutePolicy), ("--envoy", envoy), ("--openbao", openbao), ("--listen", listen?.description),
      ("--trust-domain", trustDomain?.description), ("--upstream-authorities", upstreamAuthorities.map(absolute)),
      ("--resolver", resolver), ("--http-listen", httpListen?.description),
    ]
    for (name, value) in optional { if let value { arguments += [name, value] } }
    return arguments + gatewayName.flatMap { ["--gateway-name", $0] } + vault.arguments + external.arguments
      + alerts.arguments + witness.arguments
  }

  private var absolutePolicy: String? { policy.map(absolute) }

  private func absolute(_ path: String) -> String { URL(filePath: path).standardizedFileURL.path }
}
