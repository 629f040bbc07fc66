import AgentModel
import Faults

/// The hosts that a probe agent may reach: names that nobody owns (RFC 2606 §2), others in each run.
struct ProbeNames: Sendable {
  /// Every name below it is open.
  let domain: String
  /// Reached with a credential only.
  let keyedHost: String
  /// Nobody's rule names it.
  let unlistedHost: String
  let secret: SecretName
  let allowances: [EgressAllowance]
  /// The header in which the credential travels.
  static let header = "x-api-key"

  init(instance: InstanceName) throws {
    domain = "\(instance).example"
    keyedHost = "keyed-\(instance).example"
    unlistedHost = "unlisted-\(instance).example"
    guard let open = HostPattern("*.\(domain)"), let keyed = HostPattern(keyedHost),
      let secret = SecretName("probe-\(instance)")
    else {
      throw Fault(
        .invalid, operation: "name the probes' hosts", reason: "'\(instance)' cannot be part of a name",
        remedy: "report this")
    }
    self.secret = secret
    allowances = [
      EgressAllowance(host: open),
      EgressAllowance(
        host: keyed, credential: .init(secret: secret, header: Self.header), methods: ["GET"], paths: ["/v1/*"]),
    ]
  }

  /// Those that need no secret.
  var open: [EgressAllowance] { allowances.filter { $0.credential == nil } }

  /// A name that is open and, in the witness world, leads to an address.
  func host(at address: IPAddress) -> String { "\(NameServer.label(of: address)).\(domain)" }
}
