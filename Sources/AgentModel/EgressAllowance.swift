import FoundationEssentials

/// One line of an agent's `egress`: a host that it may reach on port 443.
package struct EgressAllowance: Hashable, Sendable, Codable {
  package var host: HostPattern
  /// What the proxy adds to each request; `nil` passes TLS through to the host untouched.
  package var credential: Credential?
  /// The methods that a rule can name (RFC 9110 §9.3, RFC 5789), without CONNECT, which asks for a tunnel, and TRACE,
  /// which asks for the request's own headers. Any list of them fits the size that Envoy allows a regular expression.
  package static let knownMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

  /// Methods that pass, in capitals; empty allows all known ones. Only with a credential: TLS that passes through shows none.
  package var methods: [String]
  /// Paths that pass: `/exact` or `/prefix/*`; empty allows all. Only with a credential.
  package var paths: [String]
  /// From then on the host is closed; `nil` for never.
  package var expires: UTCTime?

  package init(
    host: HostPattern, credential: Credential? = nil, methods: [String] = [], paths: [String] = [],
    expires: UTCTime? = nil
  ) {
    self.host = host
    self.credential = credential
    self.methods = methods
    self.paths = paths
    self.expires = expires
  }

  package func isOpen(at time: Date) -> Bool { expires.map { time < $0.date } ?? true }

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    host = try fields.decode(HostPattern.self, forKey: .host)
    credential = try fields.decodeIfPresent(Credential.self, forKey: .credential)
    methods = try fields.decodeIfPresent([String].self, forKey: .methods) ?? []
    paths = try fields.decodeIfPresent([String].self, forKey: .paths) ?? []
    expires = try fields.decodeIfPresent(UTCTime.self, forKey: .expires)
  }

  /// Leaves out what is empty, as in a document that somebody wrote.
  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(host, forKey: .host)
    try fields.encodeIfPresent(credential, forKey: .credential)
    if !methods.isEmpty { try fields.encode(methods, forKey: .methods) }
    if !paths.isEmpty { try fields.encode(paths, forKey: .paths) }
    try fields.encodeIfPresent(expires, forKey: .expires)
  }

  private enum CodingKeys: String, CodingKey { case host, credential, methods, paths, expires }

  /// A secret, and the request header that carries it to the host.
  package struct Credential: Hashable, Sendable, Codable {
    package var secret: SecretName
    /// In lower case.
    package var header: String
    /// What stands before the secret in the header's value: "Bearer ".
    package var prefix: String

    package init(secret: SecretName, header: String, prefix: String = "") {
      self.secret = secret
      self.header = header
      self.prefix = prefix
    }
  }
}

/// Names a secret within its tenant or agent.
package struct SecretName: ParsedText {
  package let description: String
  package static let rule = AgentName.rule

  package init?(_ text: String) {
    guard isDNSLabel(text) else { return nil }
    description = text
  }
}
