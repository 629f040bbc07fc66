/// The first bytes of a TLS connection (RFC 8446 §4.1.2), enough of them for whoever looks for the server's name.
package struct ClientHello: Sendable {
  /// `nil` leaves the extension out.
  let serverName: String?

  package init(serverName: String?) { self.serverName = serverName }

  package var bytes: [UInt8] {
    var extensions: [UInt8] = []
    if let serverName {
      let name = Array(serverName.utf8)
      extensions += Self.field(0, Self.long([0] + Self.long(name)))
    }
    extensions += Self.field(10, Self.long([0, 0x1d, 0, 0x17]))  // groups: X25519, P-256
    extensions += Self.field(13, Self.long([4, 3, 8, 4]))  // signatures: ECDSA and RSA-PSS with SHA-256
    extensions += Self.field(43, [4, 3, 4, 3, 3])  // versions 1.3 and 1.2
    // No share of a key: a server of TLS 1.3 asks for one (HelloRetryRequest), where it would end a hello without the
    // extension (RFC 8446 §9.2).
    extensions += Self.field(51, [0, 0])
    let random = (0..<32).map { _ in UInt8.random(in: .min ... .max) }
    let suites: [UInt8] = [0x13, 1, 0xc0, 0x2b, 0xc0, 0x2f]
    let body = [3, 3] + random + [0] + Self.long(suites) + [1, 0] + Self.long(extensions)
    let handshake = [1, 0] + Self.long(body)
    return [22, 3, 1] + Self.long(handshake)
  }

  private static func field(_ number: UInt8, _ data: [UInt8]) -> [UInt8] { [0, number] + long(data) }

  /// With its length in two bytes before it.
  private static func long(_ data: [UInt8]) -> [UInt8] { [UInt8(data.count >> 8), UInt8(data.count & 0xff)] + data }
}
