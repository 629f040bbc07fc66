/// What a client shows to be known by. Without anything it is `system:anonymous`.
package struct CredentialSource: Sendable {
  package struct Certificate: Hashable, Sendable {
    package var chain: Material
    package var key: Material

    package init(chain: Material, key: Material) {
      self.chain = chain
      self.key = key
    }
  }

  package var certificate: Certificate?
  /// A bearer token.
  package var token: Material?
  /// A program that is asked for one of both.
  package var program: ExecProgram?

  package init(certificate: Certificate? = nil, token: Material? = nil, program: ExecProgram? = nil) {
    self.certificate = certificate
    self.token = token
    self.program = program
  }

  /// Whether another may be there a moment later.
  var mayChange: Bool {
    program != nil || token?.isFile == true || certificate?.chain.isFile == true || certificate?.key.isFile == true
  }
}
