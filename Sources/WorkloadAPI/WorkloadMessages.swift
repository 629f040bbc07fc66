import AgentModel
import CertificateAuthority

// The messages of workload.proto (SPIFFE Workload API, appendix A). The numbers are the fields' numbers there.

/// What a caller asks for.
enum WorkloadRequest: Hashable {
  case x509SVID
  case x509Bundles
  case jwtSVID(audience: [String], id: String)
  case jwtBundles
  case validateJWTSVID(audience: String, token: String)

  /// - Parameter path: `/SpiffeWorkloadAPI/` and the method; the service is in no package.
  /// - Returns: `nil` for a method that there is not.
  /// - Throws: `MessageReader.Malformed`.
  init?(path: String, message: [UInt8]) throws {
    guard let method = Method(path: path) else { return nil }
    var reader = MessageReader(message)
    var first: [String] = []
    var second = ""
    while let (field, value) = try reader.next() {
      switch (method, field) {
      case (.fetchJWTSVID, 1), (.validateJWTSVID, 1): first.append(try MessageReader.text(value))
      case (.fetchJWTSVID, 2), (.validateJWTSVID, 2): second = try MessageReader.text(value)
      default: break
      }
    }
    switch method {
    case .fetchX509SVID: self = .x509SVID
    case .fetchX509Bundles: self = .x509Bundles
    case .fetchJWTSVID: self = .jwtSVID(audience: first, id: second)
    case .fetchJWTBundles: self = .jwtBundles
    case .validateJWTSVID: self = .validateJWTSVID(audience: first.last ?? "", token: second)
    }
  }

  enum Method: String {
    case fetchX509SVID = "FetchX509SVID"
    case fetchX509Bundles = "FetchX509Bundles"
    case fetchJWTSVID = "FetchJWTSVID"
    case fetchJWTBundles = "FetchJWTBundles"
    case validateJWTSVID = "ValidateJWTSVID"

    init?(path: String) {
      let prefix = "/SpiffeWorkloadAPI/"
      guard path.hasPrefix(prefix) else { return nil }
      self.init(rawValue: String(path.dropFirst(prefix.count)))
    }
  }
}

/// What it gets.
enum WorkloadResponse {
  /// X509SVIDResponse. Each private key goes to one local user, over a socket that only this user's process reads.
  static func x509SVIDs(_ identities: [HeldSVID], bundle: TrustBundle) -> [UInt8] {
    var writer = MessageWriter()
    for identity in identities {
      writer.append(1) {
        $0.append(1, identity.svid.id.description)
        $0.append(2, identity.svid.certificate.chain.concatenated)
        $0.append(3, identity.key.secretDER)
        $0.append(4, bundle.concatenated)
      }
    }
    return writer.bytes
  }

  /// X509BundlesResponse.
  static func x509Bundles(_ bundle: TrustBundle) -> [UInt8] {
    var writer = MessageWriter()
    writer.append(2, key: TrustBundle.id(of: bundle.trustDomain), value: bundle.concatenated)
    return writer.bytes
  }

  /// JWTSVIDResponse.
  static func jwtSVIDs(_ tokens: [JWTSVID]) -> [UInt8] {
    var writer = MessageWriter()
    for token in tokens {
      writer.append(1) {
        $0.append(1, token.id.description)
        $0.append(2, token.secretToken)
      }
    }
    return writer.bytes
  }

  /// JWTBundlesResponse.
  static func jwtBundles(_ bundle: TrustBundle) throws -> [UInt8] {
    var writer = MessageWriter()
    writer.append(1, key: TrustBundle.id(of: bundle.trustDomain), value: try bundle.jwks())
    return writer.bytes
  }

  /// ValidateJWTSVIDResponse, whose claims are a google.protobuf.Struct.
  static func validated(_ claims: JWTVerifier.Claims) -> [UInt8] {
    var writer = MessageWriter()
    writer.append(1, claims.subject.description)
    writer.append(2) { fields in
      fields.append(1) { entry(&$0, "sub") { $0.append(3, claims.subject.description) } }
      fields.append(1) {
        entry(&$0, "aud") { value in
          value.append(6) { list in
            for audience in claims.audience { list.append(1) { $0.append(3, audience) } }
          }
        }
      }
      fields.append(1) { entry(&$0, "exp") { $0.append(2, Double(claims.expires)) } }
      if let issued = claims.issued { fields.append(1) { entry(&$0, "iat") { $0.append(2, Double(issued)) } } }
    }
    return writer.bytes
  }

  private static func entry(_ writer: inout MessageWriter, _ key: String, value: (inout MessageWriter) -> Void) {
    writer.append(1, key)
    writer.append(2, message: value)
  }
}
