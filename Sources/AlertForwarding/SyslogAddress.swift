import AgentModel

/// Where a syslog server listens for datagrams.
package enum SyslogAddress: Hashable, Sendable {
  /// Path of a Unix socket, `/dev/log`.
  case local(String)
  case udp(ListenAddress)
}

extension SyslogAddress: ParsedText {
  package static let rule = "/dev/log or another socket's path, or udp://ADDRESS:PORT with an IP address"

  package init?(_ text: String) {
    let udp = "udp://"
    if text.hasPrefix(udp) {
      // A name would have to be looked up, and be looked up again when it changes.
      guard let address = ListenAddress(String(text.dropFirst(udp.count))) else { return nil }
      self = .udp(address)
    } else if text.hasPrefix("/"), text.utf8.count <= Self.longestPath, !text.utf8.contains(0) {
      self = .local(text)
    } else {
      return nil
    }
  }

  /// unix(7): 108 bytes with the final NUL.
  private static let longestPath = 107

  package var description: String {
    switch self {
    case .local(let path): path
    case .udp(let address): "udp://\(address)"
    }
  }
}
