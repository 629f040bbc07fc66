import NIOCore
import NIOSSL

/// That a server's certificate is for the name it was asked by.
///
/// NIOSSL also takes one for the address that the connection leads to: whoever turns the name to a machine of its own
/// would need no more than that machine's certificate, as kubelets have one of the same authority.
struct ServerIdentity: Sendable {
  /// `nil` when the server is known by its address, which NIOSSL checks.
  private let name: [UInt8]?

  struct Mismatch: Error {}

  init(_ configuration: KubernetesConfiguration) {
    let host = configuration.serverName ?? configuration.server.host
    let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
    name = isAddress ? nil : Self.plain(host.utf8)
  }

  func check(_ channel: any Channel) -> EventLoopFuture<Void> {
    guard let name else { return channel.eventLoop.makeSucceededVoidFuture() }
    return channel.nioSSL_peerCertificate().flatMapThrowing { certificate in
      let names = certificate.map { Array($0._subjectAlternativeNames()) } ?? []
      let isNamed = names.contains { $0.nameType == .dnsName && Self.matches(name, Self.plain($0.contents)) }
      guard isNamed else { throw Mismatch() }
    }.flatMapError { error in
      channel.close().flatMapThrowing { throw error }
    }
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
