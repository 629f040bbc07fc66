import AgentModel
import ArgumentParser
import Probes

/// Where a program of a cluster says how it does.
struct ProbesOption: ParsableArguments {
  @Option(
    help: ArgumentHelp("Where to answer /healthz, /readyz and /metrics, without TLS.", valueName: "address:port"))
  var probes: String?

  var address: ProbeServer.Address? {
    probes.flatMap(ListenAddress.init).map { ProbeServer.Address(host: $0.host, port: Int($0.port)) }
  }

  func validate() throws {
    if let probes, ListenAddress(probes) == nil {
      throw ValidationError("--probes is not an address and a port: '\(probes)'")
    }
  }
}
