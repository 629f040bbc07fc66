import AgentModel
import ArgumentParser

/// Where a program of a cluster says how it does.
struct ProbesOption: ParsableArguments {
  @Option(
    help: ArgumentHelp("Where to answer /healthz, /readyz and /metrics, without TLS.", valueName: "address:port"))
  var probes: String?

  var address: ListenAddress? { probes.flatMap(ListenAddress.init) }

  func validate() throws {
    if let probes, ListenAddress(probes) == nil {
      throw ValidationError("--probes is not an address and a port: '\(probes)'")
    }
  }
}
