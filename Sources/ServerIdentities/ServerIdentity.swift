import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOSSL

/// That a server's certificate is for the name it was asked by.
///
/// NIOSSL also takes one for the address that the connection leads to: whoever turns the name to a machine of its own
/// would need no more than a certificate for that machine, as kubelets have one of the API server's authority.
package struct ServerIdentity: Sendable {
  /// `nil` when the server is known by its address, which NIOSSL checks.
  private let name: [UInt8]?

  struct Mismatch: Error {}

  /// - Parameter host: a name, or an address without the brackets of IPv6.
  package init(host: String) {
    let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
    name = isAddress ? nil : Self.plain(host.utf8)
  }

  /// Fails, and closes the connection, when the peer's certificate is for another name.
  ///
  /// - Parameter channel: one with TLS, after its handshake.
  package func check(_ channel: any Channel) -> EventLoopFuture<Void> {
    guard let name else { return channel.eventLoop.makeSucceededVoidFuture() }
    return channel.nioSSL_peerCertificate().flatMapThrowing { certificate in
      let names = certificate.map { Array($0._subjectAlternativeNames()) } ?? []
      let isNamed = names.contains { $0.nameType == .dnsName && Self.matches(name, Self.plain($0.contents)) }
      guard isNamed else { throw Mismatch() }
    }.flatMapError { error in
      channel.close(promise: nil)
      // After the client has seen the end: it traps when a connection ends that it waits with making anew.
      return channel.closeFuture.flatMapThrowing { throw error }
    }
  }

  /// Whether a request failed because of the certificate that the server showed.
  package static func isRefusal(_ error: any Error) -> Bool {
    if error is NIOSSLExtraError || error is Mismatch { return true }
    return error is NIOSSLError && "\(error)".contains("CERTIFICATE_VERIFY_FAILED")
  }

  /// RFC 6125 §6.4.3, with a wildcard only for the whole first label, as Go has it.
  static func matches(_ name: [UInt8], _ pattern: [UInt8]) -> Bool {
    guard pattern.starts(with: "*.".utf8) else { return !name.isEmpty && name == pattern }
    guard let dot = name.firstIndex(of: UInt8(ascii: ".")), dot > 0 else { return false }
    return name[dot...] == pattern.dropFirst()
  }

  /// In lower case, without a final dot.
  static func plain(_ name: some Sequence<UInt8>) -> [UInt8] {
    var bytes = name.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
    return bytes
  }
}

extension HTTPClient.Configuration {
  /// Refuses every connection whose certificate is not for the host of `url`: for a client that asks this one server.
  ///
  /// - Parameter url: as its requests have it. Without TLS there is nothing to refuse.
  package mutating func requireServer(of url: String) {
    // What is no URL here is none to the client either, and nothing is sent.
    guard let url = URL(string: url), url.scheme?.lowercased() == "https", let host = url.host else { return }
    let identity = ServerIdentity(host: host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host)
    http1_1ConnectionDebugInitializer = { identity.check($0) }
    http2ConnectionDebugInitializer = { identity.check($0) }
  }
}
