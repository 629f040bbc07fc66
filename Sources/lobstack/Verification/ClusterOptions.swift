import AgentModel
import ArgumentParser
import Blueprint
import ClusterVerification
import Foundation
import KubernetesAPI
import KubernetesRendering
import Supervision
import Verification

/// Which cluster is attacked, and how it was rendered.
struct ClusterOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("The values that the cluster was rendered with, YAML.", valueName: "file"), completion: .file())
  var values: String?

  @Option(
    help: ArgumentHelp(
      "Directory of the policy (default: the one that an instance starts with).", valueName: "directory"),
    completion: .directory)
  var policy: String?

  @Option(help: ArgumentHelp("Kubeconfig (default: as kubectl finds it).", valueName: "file"), completion: .file())
  var kubeconfig: String?

  @Option(help: "Context of the kubeconfig (default: its current one).")
  var context: String?

  @Option(help: "The tenant whose agents the probes are (default: default).")
  var tenant: String?

  @Option(
    help: ArgumentHelp(
      "An address outside of the cluster that takes connections on ports 443 and 80 (default: 1.1.1.1).",
      valueName: "address"))
  var outside: String?

  func validate() throws {
    if let tenant, TenantName(tenant) == nil { throw ValidationError("--tenant '\(tenant)' is no name of a tenant") }
    if let outside, IPAddress(outside) == nil {
      throw ValidationError("--outside is not an address of IPv4 or IPv6: '\(outside)'")
    }
  }

  /// One that was given, if any was.
  var given: String? {
    let all = [
      ("values", values), ("policy", policy), ("kubeconfig", kubeconfig), ("context", context), ("tenant", tenant),
      ("outside", outside),
    ]
    return all.first { $0.1 != nil }?.0
  }

  func configuration() throws -> KubernetesConfiguration {
    try KubernetesConfiguration.discover(
      kubeconfig: kubeconfig, context: context, environment: ProcessInfo.processInfo.environment)
  }

  func options(
    isQuick: Bool, only: [String], waivers: [Waiver], today: String
  ) throws -> ClusterVerify.Options {
    let directory = try PolicySource.find(given: policy, executable: Platform.currentExecutable).directory
    return ClusterVerify.Options(
      cluster: try configuration(), values: try Values(values.map(ValuesFile.text) ?? "", source: values ?? "values"),
      policy: try Policy.load(directory: directory), gateway: .envoy,
      tenant: tenant.flatMap(TenantName.init) ?? .default, outside: outside ?? "1.1.1.1", isQuick: isQuick, only: only,
      waivers: waivers, today: today)
  }
}
