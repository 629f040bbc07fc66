import Faults
import FoundationEssentials
import NIOSSL
import Turns

/// What goes with a request: who it is from.
struct Authentication: Sendable {
  /// Secret.
  let token: SecretBytes?
  let tls: TLSConfiguration
  /// Until when it is good; `nil` for as long as the server takes it.
  let expiry: Date?
  /// Tells one that was refused from the one that took its place.
  let number: Int
}

/// Keeps the credential that is in use, and gets another when it ends or is refused.
///
/// Files are read anew at most once a minute, and when the API server refuses what was in them; a program is asked anew
/// when its credential ends or is refused.
actor Credentials {
  private let source: CredentialSource
  private let origin: String
  private let base: TLSConfiguration
  private let turn = Turn()
  private var held: (authentication: Authentication, since: ContinuousClock.Instant)?
  private var last = Found()

  private static let fileLife = Duration.seconds(60)
  /// Between two runs of a program that are made because its last credential was refused.
  private static let rest = Duration.milliseconds(500)

  /// What a source gave, to be compared.
  private struct Found: Equatable {
    var token: [UInt8]?
    var chain: [UInt8]?
    var key: [UInt8]?
    var expiry: Date?
  }

  /// - Parameter tls: knows the server, and no client yet.
  init(_ source: CredentialSource, tls: TLSConfiguration, origin: String) {
    self.source = source
    self.origin = origin
    base = tls
  }

  func current() async throws -> Authentication {
    if let usable { return usable }
    return try await turn.take { [self] in
      if let usable = await usable { return usable }
      do { return try await renew() } catch let failure as Fault {
        // A file that is being written, for one. Whether the last credential is still good, the server knows best.
        if let last = await lastFromFiles { return last }
        throw failure
      }
    }
  }

  /// - Returns: whether there is another now than the one that was refused.
  func replace(_ refused: Authentication) async throws -> Bool {
    guard source.mayChange else { return false }
    return try await turn.take { [self] in
      if let held = await held, held.authentication.number != refused.number { return true }
      guard await mayTryAgain else { return false }
      return try await renew().number != refused.number
    }
  }

  private var usable: Authentication? {
    guard let held else { return nil }
    if let expiry = held.authentication.expiry, expiry <= Date() { return nil }
    if source.program == nil, source.mayChange, held.since.duration(to: .now) > Self.fileLife { return nil }
    return held.authentication
  }

  private var lastFromFiles: Authentication? { source.program == nil ? held?.authentication : nil }

  private var mayTryAgain: Bool {
    source.program == nil || held.map { $0.since.duration(to: .now) > Self.rest } ?? true
  }

  private func renew() async throws -> Authentication {
    let since = ContinuousClock.now
    let found = try await find()
    if let held, found == last {
      self.held = (held.authentication, since)
      return held.authentication
    }
    var tls = base
    if let chain = found.chain, let key = found.key {
      let place = "the client's certificate of \(origin)"
      let chain = Material.inline(SecretBytes(chain)), key = Material.inline(SecretBytes(key))
      tls.certificateChain = try chain.checkCertificates(at: place).map { .certificate($0) }
      tls.privateKey = .privateKey(try key.privateKey(at: place))
    }
    let fresh = Authentication(
      token: found.token.map { SecretBytes($0) }, tls: tls, expiry: found.expiry,
      number: (held?.authentication.number ?? 0) + 1)
    held = (fresh, since)
    last = found
    return fresh
  }

  private func find() async throws -> Found {
    if let program = source.program {
      let credential = try await program.run()
      return Found(
        token: credential.token.map { Array($0.utf8) }, chain: credential.clientCertificate.map { Array($0.utf8) },
        key: credential.clientKey.map { Array($0.utf8) }, expiry: credential.expiry)
    }
    let operation = "read the credential of \(origin)"
    var found = Found()
    found.token = try source.token.map { try Self.token($0.read(operation), operation) }
    found.chain = try source.certificate?.chain.read(operation)
    found.key = try source.certificate?.key.read(operation)
    return found
  }

  /// Without the line end of its file. A token with others in it would be another header.
  private static func token(_ bytes: [UInt8], _ operation: String) throws -> [UInt8] {
    let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
    let token = Array(bytes.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    guard !token.isEmpty, token.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw Fault(
        .invalid, operation: operation, reason: "the token is empty, or has blanks or control characters",
        remedy: "have it written anew")
    }
    return token
  }
}
