import APIModel
import AgentModel
import Faults
import Glibc

/// A syslog server, by datagrams of RFC 5424.
struct SyslogOutlet: Outlet {
  let name = "syslog"
  private let address: SyslogAddress

  init(_ address: SyslogAddress) { self.address = address }

  /// A datagram to nobody is told by the system of this machine alone: over a network one may be lost unnoticed.
  func deliver(_ alert: AlertResource) async throws {
    let message = try SyslogMessage(alert, process: getpid()).bytes
    switch address {
    case .local(let path): try send(message, toUnixSocket: path)
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

  func close() async {}

  private func send(_ message: [UInt8], toUnixSocket path: String) throws {
    var local = sockaddr_un()
    local.sun_family = sa_family_t(AF_UNIX)
    // The address was parsed: it has room for the path and its end.
    withUnsafeMutableBytes(of: &local.sun_path) { $0.copyBytes(from: path.utf8) }
    try send(message, to: local, family: AF_UNIX)
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
      .unavailable, operation: "send an alert to syslog at \(address)", reason: String(cString: strerror(code)),
      remedy: "start the syslog server, or correct --alert-syslog")
  }
}
