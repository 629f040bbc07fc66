import AgentModel
import ArgumentParser
import Blueprint
import ClusterVerification
import Foundation
import KubernetesAPI
import KubernetesRendering
import SecretStore
import Supervision
import Verification

/// Which cluster is attacked, and how it was rendered.
struct ClusterOptions: ParsableArguments {
  @OptionGroup var values: RenderedValuesOption

  @Option(
    help: ArgumentHelp(
      "Directory of the policy (default: the one that an instance starts with).", valueName: "directory"),
    completion: .directory)
  var policy: String?

  @OptionGroup var kubeconfig: KubeconfigOptions

  @Option(help: "The tenant whose agents the probes are (default: default).")
  var tenant: String?

  @Option(
    help: ArgumentHelp(
      "An address outside of the cluster that takes connections on ports 443 and 80 (default: 1.1.1.1).",
      valueName: "address"))
  var outside: String?

  @Option(
    help: ArgumentHelp(
      "The cluster's OpenBao as it is reached from here: https://HOST:PORT (default: what needs it is not testable).",
      valueName: "url"))
  var vaultAddr: String?

  @Option(
    help: ArgumentHelp("PEM file of the authorities that vouch for it (default: the system's).", valueName: "file"),
    completion: .file())
  var vaultCa: String?

  func validate() throws {
    if let vaultAddr { _ = try VaultAddress(urls: vaultAddr) }
    if vaultAddr == nil, vaultCa != nil { throw ValidationError("--vault-ca is for --vault-addr: give that too") }
    if let tenant, TenantName(tenant) == nil { throw ValidationError("--tenant '\(tenant)' is no name of a tenant") }
    if let outside, IPAddress(outside) == nil {
      throw ValidationError("--outside is not an address of IPv4 or IPv6: '\(outside)'")
    }
  }

  /// One that was given, if any was.
  var given: String? {
    let all = [
      ("values", values.values), ("policy", policy), ("kubeconfig", kubeconfig.kubeconfig),
      ("context", kubeconfig.context), ("tenant", tenant),
      ("outside", outside), ("vault-addr", vaultAddr), ("vault-ca", vaultCa),
    ]
    return all.first { $0.1 != nil }?.0
  }

  func options(
    isQuick: Bool, breaks: Bool, only: [String], waivers: [Waiver], today: String
  ) throws -> ClusterVerify.Options {
    let roots = try vaultCa.map { try NamedFile.text(of: $0, longest: 1 << 20) }
    let directory = try PolicySource.find(given: policy, executable: Platform.currentExecutable).directory
    return ClusterVerify.Options(
      cluster: try kubeconfig.configuration(), values: try values.read(),
      policy: try Policy.load(directory: directory), gateway: .envoy,
      tenant: tenant.flatMap(TenantName.init) ?? .default, outside: outside ?? "1.1.1.1",
      secretsManager: try vaultAddr.map { try VaultAddress(urls: $0, roots: roots) }, isQuick: isQuick,
      breaks: breaks, only: only, waivers: waivers, today: today)
  }
}
