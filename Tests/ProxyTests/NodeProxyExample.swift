import AgentModel
import Foundation
import JSONValues
import Proxy
import Testing

/// A state of every kind of thing, and a layout that does not depend on the machine.
enum NodeProxyExample {
  static let canary = "sk-canary-0123456789abcdef"

  static var layout: NodeProxyLayout {
    var layout = NodeProxyLayout(
      files: EnvoyFiles(directory: "/run/lobstack/main/proxy"), adminSocket: "/run/lobstack/main/proxy-admin.sock",
      denialLog: "/var/log/lobstack/main/proxy-denials.jsonl", serviceAddress: "10.64.255.253",
      apiSocket: "/run/lobstack/main/api/mesh.sock", ingressSocket: "/run/lobstack/main/proxy-in/ingress.sock")
    layout.resolver = .init(address: "192.0.2.53")
    return layout
  }

  static func state() throws -> NodeProxyState {
    let certificate = WorkloadCertificate(chain: "CHAIN\n", privateKey: "PRIVATE-KEY\n")
    let one = ProxiedAgent(
      id: try id("acme/one"), address: "10.64.0.2", certificate: certificate,
      egress: [
        try allowance("api.example.com", secret: "key", methods: ["GET", "POST"], paths: ["/v1/messages", "/v1/f/*"]),
        try allowance("api.example.com", secret: "unknown", paths: ["/v2/*"]),
        try allowance("files.example.com"), try allowance("*.example.com"), try allowance("*.a.example.com"),
      ],
      credentials: [try secret("key"): .tenant(try tenant("acme"), try secret("key"))],
      ports: ["http": 8080, "chat": 8765])
    let two = ProxiedAgent(
      id: try id("acme/two"), address: "10.64.0.6", egress: [try allowance("*.example.com")])
    return NodeProxyState(
      agents: [two, one], mesh: .init(identity: certificate, roots: "ROOTS\n"),
      secrets: [.tenant(try tenant("acme"), try secret("key")): try #require(ProxySecret(canary))],
      apiRules: [
        AccessRule(
          principal: try #require(.init("lobstack.local/ns/acme/*")), methods: ["GET"], paths: ["/v1/agents/self"])
      ])
  }

  static func id(_ text: String) throws -> AgentID { try #require(AgentID(text)) }
  static func tenant(_ text: String) throws -> TenantName { try #require(TenantName(text)) }
  static func secret(_ text: String) throws -> SecretName { try #require(SecretName(text)) }

  static func allowance(
    _ host: String, secret name: String? = nil, header: String = "x-api-key", prefix: String = "",
    methods: [String] = [], paths: [String] = []
  ) throws -> EgressAllowance {
    EgressAllowance(
      host: try #require(HostPattern(host)),
      credential: try name.map { .init(secret: try secret($0), header: header, prefix: prefix) }, methods: methods,
      paths: paths)
  }
}

extension [EnvoyFile] {
  func text(of source: EnvoyFile.Source) -> String? {
    first { $0.source == source }.map { JSON.array($0.resources).text }
  }
}

extension JSON {
  /// The value with a change made to it and to everything inside it.
  func mapping(_ change: (JSON) -> JSON) -> JSON {
    switch change(self) {
    case .array(let values): .array(values.map { $0.mapping(change) })
    case .object(let fields): .object(fields.mapValues { $0.mapping(change) })
    case let other: other
    }
  }
}
