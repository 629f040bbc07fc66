import Documents
import Faults
import Manifests

/// Reads a Kubernetes NetworkPolicy; a field outside the API is an error, as with the API server's strict decoding.
func parseNetworkPolicy(_ manifest: Manifest) throws -> NetworkPolicy {
  var fields = try Fields(manifest)
  for (name, expected) in [("apiVersion", "networking.k8s.io/v1"), ("kind", "NetworkPolicy")] {
    let field = try fields.require(name)
    guard try field.string() == expected else { throw field.fault("not \(expected)", remedy: "write \(expected)") }
  }
  let metadata = try parseObjectMeta(try fields.require("metadata"))
  let spec = try parseSpec(try fields.require("spec"))
  try fields.finish()
  return NetworkPolicy(metadata: metadata, spec: spec)
}

func parseObjectMeta(_ manifest: Manifest) throws -> ObjectMeta {
  var fields = try Fields(manifest)
  let metadata = ObjectMeta(
    name: try fields.require("name").string(), namespace: try fields.take("namespace")?.string(),
    labels: try fields.take("labels")?.stringMap(), annotations: try fields.take("annotations")?.stringMap())
  try fields.finish()
  return metadata
}

private func parseSpec(_ manifest: Manifest) throws -> NetworkPolicySpec {
  var fields = try Fields(manifest)
  let selector = try parseSelector(try fields.require("podSelector"))
  let typesField = try fields.require("policyTypes")
  let types = try typesField.strings().map { text in
    guard let type = NetworkPolicySpec.PolicyType(rawValue: text) else {
      throw typesField.fault("'\(text)' is not a policy type", remedy: "use Ingress and Egress")
    }
    return type
  }
  let ingress = try fields.take("ingress")?.list().map { rule in
    var fields = try Fields(rule)
    let rule = IngressRule(from: try parsePeers(fields.take("from")), ports: try parsePorts(fields.take("ports")))
    try fields.finish()
    return rule
  }
  let egress = try fields.take("egress")?.list().map { rule in
    var fields = try Fields(rule)
    let rule = EgressRule(to: try parsePeers(fields.take("to")), ports: try parsePorts(fields.take("ports")))
    try fields.finish()
    return rule
  }
  try fields.finish()
  return NetworkPolicySpec(podSelector: selector, policyTypes: types, ingress: ingress, egress: egress)
}

func parseSelector(_ manifest: Manifest) throws -> LabelSelector {
  var fields = try Fields(manifest)
  let labels = try fields.take("matchLabels")?.stringMap()
  try fields.finish()
  return LabelSelector(matchLabels: labels)
}

private func parsePeers(_ manifest: Manifest?) throws -> [NetworkPolicyPeer]? {
  try manifest?.list().map { peer in
    var fields = try Fields(peer)
    let block = try fields.take("ipBlock").map { block in
      var fields = try Fields(block)
      let value = IPBlock(
        cidr: try fields.require("cidr").string(), except: try fields.take("except")?.strings())
      try fields.finish()
      return value
    }
    let value = NetworkPolicyPeer(
      ipBlock: block,
      podSelector: try fields.take("podSelector").map(parseSelector),
      namespaceSelector: try fields.take("namespaceSelector").map(parseSelector))
    try fields.finish()
    return value
  }
}

private func parsePorts(_ manifest: Manifest?) throws -> [NetworkPolicyPort]? {
  try manifest?.list().map { port in
    var fields = try Fields(port)
    let value = NetworkPolicyPort(
      protocol: try fields.take("protocol")?.string(),
      port: try fields.take("port").map { UInt16(try $0.int(in: 1...65535)) },
      endPort: try fields.take("endPort").map { UInt16(try $0.int(in: 1...65535)) })
    try fields.finish()
    return value
  }
}
