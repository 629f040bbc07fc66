import AgentModel
import ArgumentParser
import Foundation
import Logging
import Supervision

/// What the platform is started with.
struct PlatformOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Policy directory (default: $LOBSTACK_POLICY, or the one that lies near the program).", valueName: "directory"),
    completion: .directory)
  var policy: String?

  @Option(help: ArgumentHelp("gVisor's program: a path, or a name to look up.", valueName: "path"))
  var runsc = "runsc"

  @Option(help: ArgumentHelp("Also serve the API here over TCP, for bearers of tokens.", valueName: "address:port"))
  var listen: String?

  func platform(_ instance: InstanceOptions) throws -> Platform {
    var logger = Logger(label: "lobstack.supervisor") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = .notice
    return Platform(
      Platform.Configuration(layout: try instance.layout(), policy: absolutePolicy, runtime: runsc, listen: listen),
      logger: logger)
  }

  /// The same options on another command line.
  var arguments: [String] {
    (absolutePolicy.map { ["--policy", $0] } ?? []) + ["--runsc", runsc] + (listen.map { ["--listen", $0] } ?? [])
  }

  private var absolutePolicy: String? { policy.map { URL(filePath: $0).standardizedFileURL.path } }
}
