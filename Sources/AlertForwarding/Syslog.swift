import AgentModel
import Faults
import Glibc

/// A syslog server that gets datagrams of RFC 5424.
struct Syslog: Sendable {
  let address: SyslogAddress
  /// What is sent, and the option that names the server, for failures.
  let what: String
  let option: String

  /// "Security/authorization messages" that are private (RFC 5424, table 1).
  private static let facility = 10

  /// The header of a message (RFC 5424 §6.2) with the space before its text.
  ///
  /// - Parameters:
  ///   - time: TIMESTAMP, which has microseconds at most.
  ///   - host: PRINTUSASCII, at most 255 characters; "-" stands for anything else.
  ///   - process: the sender's id.
  static func header(severity: Int, time: String, host: String, process: Int32, kind: String) -> String {
    let isPrintable = host.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    let name = isPrintable && (1...255).contains(host.utf8.count) ? host : "-"
    return "<\(facility * 8 + severity)>1 \(time) \(name) lobstack \(process) \(kind) - "
  }

  /// A datagram to nobody is told by the system of this machine alone: over a network one may be lost unnoticed.
  func send(_ message: [UInt8]) throws {
    switch address {
    case .local(let path):
      var local = sockaddr_un()
      local.sun_family = sa_family_t(AF_UNIX)
      // The address was parsed: it has room for the path and its end.
      withUnsafeMutableBytes(of: &local.sun_path) { $0.copyBytes(from: path.utf8) }
      try send(message, to: local, family: AF_UNIX)
    case .udp(let target):
      if target.host.contains(":") {
        var internet = sockaddr_in6()
        internet.sin6_family = sa_family_t(AF_INET6)
        internet.sin6_port = target.port.bigEndian
        guard inet_pton(AF_INET6, target.host, &internet.sin6_addr) == 1 else { throw failure(EINVAL) }
        try send(message, to: internet, family: AF_INET6)
      } else {
        var internet = sockaddr_in()
        internet.sin_family = sa_family_t(AF_INET)
        internet.sin_port = target.port.bigEndian
        guard inet_pton(AF_INET, target.host, &internet.sin_addr) == 1 else { throw failure(EINVAL) }
        try send(message, to: internet, family: AF_INET)
      }
    }
  }

  private func send<Address>(_ message: [UInt8], to address: Address, family: Int32) throws {
    let socket = Glibc.socket(
      family, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { throw failure(errno) }
    defer { Glibc.close(socket) }
    let connected = withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<Address>.size))
      }
    }
    guard connected == 0 else { throw failure(errno) }
    guard Glibc.send(socket, message, message.count, Int32(MSG_NOSIGNAL)) == message.count else {
      throw failure(errno)
    }
  }

  private func failure(_ code: Int32) -> Fault {
    Fault(
      .unavailable, operation: "send \(what) to syslog at \(address)", reason: String(cString: strerror(code)),
      remedy: "start the syslog server, or correct \(option)")
  }
}
