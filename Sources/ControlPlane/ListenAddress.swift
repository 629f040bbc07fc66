import Faults

/// A loopback address to listen on: there is no TLS here, so nothing else is allowed.
package struct ListenAddress: Hashable, Sendable {
  package let host: String
  package let port: Int

  /// - Throws: `Fault(.invalid)` unless `text` is `127.x.y.z:PORT`, `[::1]:PORT` or `localhost:PORT`.
  package init(_ text: String) throws {
    let operation = "listen on \(text)"
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (0...65535).contains(port)
    else {
      throw Fault(.invalid, operation: operation, reason: "it is not host:port", remedy: "write 127.0.0.1:8700")
    }
    let host = String(text[..<colon])
    let octets = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    switch host {
    case "[::1]": self.host = "::1"
    case "localhost": self.host = "127.0.0.1"
    case _ where octets.count == 4 && octets[0] == 127 && !octets.contains(nil): self.host = host
    default:
      throw Fault(
        .invalid, operation: operation, reason: "\(host) is not a loopback address, and the API has no TLS of its own",
        remedy: "listen on 127.0.0.1 or [::1], and put a gateway before it")
    }
    self.port = port
  }
}
