import Faults
import Files
import Foundation
import HummingbirdTLS
import Logging
import NIOCore
import NIOSSL
import Synchronization

/// The certificate that the webhook serves. Files that cannot be read leave the one before.
final class ServingCertificate: Sendable {
  private struct Pair: Sendable {
    var chain: [NIOSSLCertificate]
    var key: NIOSSLPrivateKey
    var stamps: [FileStamp]
  }

  private let settings: WebhookSettings
  private let logger: Logger
  private let current: Mutex<Pair>

  /// - Throws: `Fault` naming the file that is none.
  init(_ settings: WebhookSettings, logger: Logger) throws {
    self.settings = settings
    self.logger = logger
    current = Mutex(try Self.read(settings))
  }

  /// TLS 1.3 and nothing older.
  func configuration() throws -> TLSChannelConfiguration {
    let pair = current.withLock { $0 }
    var tls = TLSConfiguration.makeServerConfiguration(
      certificateChain: pair.chain.map { .certificate($0) }, privateKey: .privateKey(pair.key))
    tls.minimumTLSVersion = .tlsv13
    tls.maximumTLSVersion = .tlsv13
    tls.applicationProtocols = ["http/1.1"]
    if let file = settings.clientAuthorities {
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
  func reload() {
    let stamps = Self.stamps(settings)
    guard stamps != current.withLock({ $0.stamps }) else { return }
    do {
      let pair = try Self.read(settings)
      current.withLock { $0 = pair }
      logger.info("The certificate is taken up", metadata: ["file": "\(settings.certificate)"])
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

  private static func stamps(_ settings: WebhookSettings) -> [FileStamp] {
    [settings.certificate, settings.key].compactMap { FileStatus(following: $0).map(FileStamp.init) }
  }

  private static func read(_ settings: WebhookSettings) throws -> Pair {
    // Before the files: what changes in between is read again.
    let stamps = stamps(settings)
    let chain = try certificates(settings.certificate)
    do {
      let key = try NIOSSLPrivateKey(file: settings.key, format: .pem)
      // Tells a key that is another's.
      _ = try NIOSSLContext(
        configuration: .makeServerConfiguration(
          certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key)))
      return Pair(chain: chain, key: key, stamps: stamps)
    } catch {
      throw Fault(
        .invalid, operation: "read \(settings.key)",
        reason: "it is no private key in PEM, or not that of the certificate",
        remedy: "give the key of \(settings.certificate)", cause: error)
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
