import AgentModel
import ChildProcess
import Faults
import Foundation
import Glibc

/// Where the gateway is to listen, looked at before it starts: Envoy itself would end again and again, or share the
/// port with another instance's.
struct GatewayAddress: Sendable {
  let address: ListenAddress
  /// The option that names it.
  let option: String

  /// - Throws: `Fault(.conflict)` when another program listens there; `Fault(.invalid)` when the address is not this
  ///   machine's.
  func requireFree() throws {
    let code = bindOnce()
    guard code != 0 else { return }
    let operation = "listen on \(address)"
    switch code {
    case EADDRINUSE:
      throw Fault(
        .conflict, operation: operation, reason: "another program listens on port \(address.port)",
        remedy: "find it with 'ss -ltnp sport = :\(address.port)' and stop it, or name another place with \(option)"
          + (address.port == 80 ? "; an ACME authority always comes to port 80 (RFC 8555 §8.3)" : ""))
    case EADDRNOTAVAIL:
      throw Fault(
        .invalid, operation: operation, reason: "\(address.host) is no address of this machine",
        remedy: "take one of 'ip address', or 0.0.0.0 for all, with \(option)")
    default:
      throw Fault(
        .failed, operation: operation, reason: String(cString: strerror(code)).lowercased(),
        remedy: "name another place with \(option)")
    }
  }

  /// - Returns: 0, or the error's number.
  private func bindOnce() -> Int32 {
    let isV6 = address.host.contains(":")
    let descriptor = socket(isV6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    // Connections that are at their end hold nobody up; a listener does all the same.
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    func bound(_ place: UnsafeRawPointer, _ size: Int) -> Int32 {
      bind(descriptor, place.assumingMemoryBound(to: sockaddr.self), socklen_t(size)) == 0 ? 0 : errno
    }
    if isV6 {
      var place = sockaddr_in6()
      place.sin6_family = sa_family_t(AF_INET6)
      place.sin6_port = address.port.bigEndian
      guard inet_pton(AF_INET6, address.host, &place.sin6_addr) == 1 else { return EADDRNOTAVAIL }
      return bound(&place, MemoryLayout<sockaddr_in6>.size)
    }
    var place = sockaddr_in()
    place.sin_family = sa_family_t(AF_INET)
    place.sin_port = address.port.bigEndian
    guard inet_pton(AF_INET, address.host, &place.sin_addr) == 1 else { return EADDRNOTAVAIL }
    return bound(&place, MemoryLayout<sockaddr_in>.size)
  }
}

extension Platform {
  /// - Throws: `Fault` naming the place that is taken.
  func requireFreePorts() throws {
    try GatewayAddress(address: configuration.listen, option: "--listen").requireFree()
    if let plain = configuration.plainListen {
      try GatewayAddress(address: plain, option: "--http-listen").requireFree()
    }
  }
}
