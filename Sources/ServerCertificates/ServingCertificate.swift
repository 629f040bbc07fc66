import Faults
import Files
import Foundation
import HummingbirdTLS
import Logging
import NIOCore
import NIOSSL
import Synchronization

/// The certificate that a server shows. Files that cannot be read leave the one before.
package final class ServingCertificate: Sendable {
  /// PEM files, read again when they change.
  package struct Source: Sendable {
    package var certificate: String
    package var key: String
    /// The authorities of clients; `nil` when clients need no certificate.
    package var clientAuthorities: String?

    package init(certificate: String, key: String, clientAuthorities: String? = nil) {
      self.certificate = certificate
      self.key = key
      self.clientAuthorities = clientAuthorities
    }
  }

  private struct Pair: Sendable {
    var chain: [NIOSSLCertificate]
    var key: NIOSSLPrivateKey
    var stamps: [FileStamp]
  }

  private let source: Source
  private let logger: Logger
  private let current: Mutex<Pair>

  /// - Throws: `Fault` naming the file that is none.
  package init(_ source: Source, logger: Logger) throws {
    self.source = source
    self.logger = logger
    current = Mutex(try Self.read(source))
  }

  /// TLS 1.3 and nothing older.
  package func configuration() throws -> TLSChannelConfiguration {
    let pair = current.withLock { $0 }
    var tls = TLSConfiguration.makeServerConfiguration(
      certificateChain: pair.chain.map { .certificate($0) }, privateKey: .privateKey(pair.key))
    tls.minimumTLSVersion = .tlsv13
    tls.maximumTLSVersion = .tlsv13
    tls.applicationProtocols = ["http/1.1"]
    if let file = source.clientAuthorities {
      tls.trustRoots = .certificates(try Self.certificates(file))
      tls.certificateVerification = .noHostnameVerification
    }
    tls.sslContextCallback = { [self] _, promise in
      promise.completeWith(Result { override() })
    }
    return TLSChannelConfiguration(tlsConfiguration: tls)
  }

  /// Looks at the files, and takes them up when they have changed.
  ///
  /// Not to be called on a thread that does handshakes: a failure stays in BoringSSL's queue of the thread's errors, and
  /// the next handshake takes it for its own.
  package func reload() {
    let stamps = Self.stamps(source)
    guard stamps != current.withLock({ $0.stamps }) else { return }
    do {
      let pair = try Self.read(source)
      current.withLock { $0 = pair }
      logger.info("The certificate is taken up", metadata: ["file": "\(source.certificate)"])
    } catch {
      logger.error("The certificate stays", metadata: ["error": "\(error)"])
      current.withLock { $0.stamps = stamps }
    }
  }

  private func override() -> NIOSSLContextConfigurationOverride {
    let pair = current.withLock { $0 }
    var override = NIOSSLContextConfigurationOverride()
    override.certificateChain = pair.chain.map { .certificate($0) }
    override.privateKey = .privateKey(pair.key)
    return override
  }

  private static func stamps(_ source: Source) -> [FileStamp] {
    [source.certificate, source.key].compactMap { FileStatus(following: $0).map(FileStamp.init) }
  }

  private static func read(_ source: Source) throws -> Pair {
    // Before the files: what changes in between is read again.
    let stamps = stamps(source)
    let chain = try certificates(source.certificate)
    do {
      let key = try NIOSSLPrivateKey(file: source.key, format: .pem)
      // Tells a key that is another's.
      _ = try NIOSSLContext(
        configuration: .makeServerConfiguration(
          certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key)))
      return Pair(chain: chain, key: key, stamps: stamps)
    } catch {
      throw Fault(
        .invalid, operation: "read \(source.key)",
        reason: "it is no private key in PEM, or not that of the certificate",
        remedy: "give the key of \(source.certificate)", cause: error)
    }
  }

  private static func certificates(_ file: String) throws -> [NIOSSLCertificate] {
    do { return try NIOSSLCertificate.fromPEMFile(file) } catch {
      throw Fault(
        .invalid, operation: "read \(file)", reason: "it holds no certificate in PEM", remedy: "give a chain in PEM",
        cause: error)
    }
  }
}
