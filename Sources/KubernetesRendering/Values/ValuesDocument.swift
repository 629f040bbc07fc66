import AgentModel
import Faults
import Manifests

extension Values {
  /// Reads a values file: YAML or JSON, every field of which has a default.
  ///
  /// - Throws: `Fault(.invalid)` naming line and field; also for a field that is not known.
  package init(_ text: String, source: String) throws {
    self.init()
    let documents = try Manifest.parse(text, source: source)
    guard documents.count <= 1 else {
      throw Fault(
        .invalid, operation: "read \(source)", reason: "it holds \(documents.count) documents",
        remedy: "put all values into one")
    }
    guard let document = documents.first else { return }
    var fields = try Fields(document)
    try fields.read("profile") { profile = try $0.choice() }
    try fields.read("domain") { domain = try $0.domainName() }
    try fields.read("trustDomain") { trustDomain = try $0.domainName() }
    try fields.group("acme") { fields in
      try fields.read("server") { acme.server = try $0.url() }
      try fields.read("email") { acme.email = try $0.email() }
    }
    try fields.group("namespaces") { try namespaces.read(&$0) }
    try fields.group("images") { fields in
      try fields.read("lobstack") { images.lobstack = try $0.image() }
      try fields.read("envoy") { images.envoy = try $0.image() }
      try fields.read("openbao") { images.openbao = try $0.image() }
    }
    try fields.read("controlPlane") { controlPlane = try $0.replicas(controlPlane, least: 3) }
    try fields.group("vault") { fields in
      try fields.read("replicas") { vault.replicas = try $0.vaultReplicas() }
      try fields.read("storage") { vault.storage = try $0.size() }
      try fields.read("seal") { vault.seal = try VaultSeal($0) }
    }
    try fields.group("recorder") { fields in
      try fields.read("storage") { recorder.storage = try $0.size() }
      try fields.read("archive") { recorder.archive = try Values.Archive($0) }
      try fields.read("witness") { recorder.witness = try Values.Witness($0) }
    }
    try fields.group("storage") { fields in
      try fields.read("className") { storage.className = try $0.label() }
      try fields.read("provisioner") { storage.provisioner = try $0.provisioner() }
      try fields.read("parameters") { storage.parameters = try $0.stringMap() }
    }
    try fields.group("network") { fields in
      try fields.read("nameServer") { network.nameServer = try $0.address() }
      try fields.read("apiServers") { network.apiServers = try $0.ranges() }
      try fields.read("apiServerPort") { network.apiServerPort = UInt16(try $0.int(in: 1...65535)) }
      try fields.read("services") { network.services = try $0.ranges() }
    }
    try fields.group("gateway") { fields in
      try fields.read("replicas") { gateway.replicas = try $0.replicas(gateway.replicas, least: 1) }
      try fields.read("requestsPerSecond") { gateway.requestsPerSecond = try $0.int(in: 1...1_000_000) }
      try fields.read("burst") { gateway.burst = try $0.int(in: 1...1_000_000) }
    }
    try fields.group("keda") { try readKEDA(&$0) }
    try fields.group("vpa") { fields in
      try fields.read("enabled") { recommendsSizes = try $0.bool() }
    }
    try fields.group("tiers") { fields in
      for tier in Tier.allCases {
        try fields.group(tier.rawValue) { fields in
          try fields.read("cpu") { tiers[tier, default: Size(tier)].cpu = try $0.cpu() }
          try fields.read("memory") { tiers[tier, default: Size(tier)].memory = try $0.size() }
        }
      }
    }
    try fields.read("sandboxes") { sandboxes = try $0.bool() }
    try fields.read("tenants") { tenants = try $0.tenants() }
    try fields.finish()
    try checkNamespaces(document)
  }

  /// By the names that KEDA's own charts and triggers have for it.
  private mutating func readKEDA(_ fields: inout Fields) throws {
    var value = KEDA(serverAddress: "http://prometheus-operated.\(namespaces.monitoring).svc:\(KEDA.prometheusPort)")
    var enabled: Manifest?
    try fields.read("enabled") { enabled = try $0.bool() ? $0 : nil }
    try fields.read("serverAddress") { value.serverAddress = try $0.serverAddress() }
    try fields.read("threshold") { value.threshold = try $0.int(in: 1...1_000_000) }
    guard let enabled else { return }
    guard profile == .full else {
      throw enabled.fault(
        "in profile lean no Prometheus reaches the control plane, and KEDA has nothing to scale by",
        remedy: "choose profile full, or leave keda out")
    }
    keda = value
  }

  /// Two namespaces of one name would be one, with the rights of both.
  private func checkNamespaces(_ document: Manifest) throws {
    let agents = tenants.keys.map { namespace(of: $0) }
    let all =
      [
        namespaces.controlPlane, namespaces.sentinel, namespaces.vault, namespaces.monitoring, namespaces.ingress,
        namespaces.istio, namespaces.gatekeeper, namespaces.falco, namespaces.keda,
      ] + agents
    let repeated = Dictionary(grouping: all, by: { $0 }).filter { $0.value.count > 1 }.keys.sorted()
    if let name = repeated.first {
      throw document.fault("two parts of the platform have the namespace \(name)", remedy: "give each its own")
    }
    if let long = agents.filter({ !isDNSLabel($0) }).min() {
      throw document.fault(
        "the namespace \(long) is no DNS label of at most 63", remedy: "shorten the tenant, or namespaces.agents")
    }
  }
}

extension Values.Namespaces {
  fileprivate mutating func read(_ fields: inout Fields) throws {
    try fields.read("controlPlane") { controlPlane = try $0.label() }
    try fields.read("agents") { agents = try $0.label() }
    try fields.read("sentinel") { sentinel = try $0.label() }
    try fields.read("vault") { vault = try $0.label() }
    try fields.read("monitoring") { monitoring = try $0.label() }
    try fields.read("ingress") { ingress = try $0.label() }
    try fields.read("istio") { istio = try $0.label() }
    try fields.read("gatekeeper") { gatekeeper = try $0.label() }
    try fields.read("falco") { falco = try $0.label() }
    try fields.read("keda") { keda = try $0.label() }
  }
}

extension Fields {
  fileprivate mutating func read(_ name: String, _ body: (Manifest) throws -> Void) throws {
    if let field = take(name) { try body(field) }
  }

  fileprivate mutating func group(_ name: String, _ body: (inout Fields) throws -> Void) throws {
    guard let field = take(name) else { return }
    var fields = try Fields(field)
    try body(&fields)
    try fields.finish()
  }
}

extension Manifest {
  fileprivate func replicas(_ standard: Values.Replicas, least bound: Int) throws -> Values.Replicas {
    var value = standard
    var fields = try Fields(self)
    try fields.read("least") { value.least = try $0.int(in: bound...1000) }
    try fields.read("most") { value.most = try $0.int(in: bound...1000) }
    try fields.finish()
    guard value.least <= value.most else {
      throw fault("least (\(value.least)) is more than most (\(value.most))", remedy: "raise most")
    }
    return value
  }

  /// A quorum needs an odd number.
  fileprivate func vaultReplicas() throws -> Int {
    let count = try int(in: 1...7)
    guard count % 2 == 1 else {
      throw fault("\(count) servers outlive no more failures than \(count - 1)", remedy: "use 3 or 5")
    }
    return count
  }

  fileprivate func tenants() throws -> [TenantName: Values.Quota] {
    var tenants: [TenantName: Values.Quota] = [:]
    for (key, value) in try entries() {
      guard let tenant = TenantName(key) else {
        throw value.fault("'\(key)' is not a tenant", remedy: "use \(TenantName.rule)")
      }
      var quota = Values.Quota()
      if case .null = value.value {
      } else {
        var fields = try Fields(value)
        try fields.read("agents") { quota.agents = try $0.int(in: 1...100_000) }
        try fields.read("cpu") { quota.cpu = try $0.cpu() }
        try fields.read("memory") { quota.memory = try $0.size() }
        try fields.read("storage") { quota.storage = try $0.size() }
        try fields.finish()
      }
      tenants[tenant] = quota
    }
    return tenants
  }
}
