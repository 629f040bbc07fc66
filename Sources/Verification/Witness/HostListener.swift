import Foundation
import Glibc
import Synchronization

/// Stands on the host behind one interface, TCP and UDP, every address, and counts what reaches it.
///
/// Bound to the interface, so that nothing else of the machine or outside can reach it.
final class HostListener: Sendable {
  let port: UInt16
  private let tcp: SocketHandle
  /// One for each family, because multicast of IPv4 does not reach a socket of IPv6.
  private let udp: [SocketHandle]
  private let state = Mutex(State())

  private struct State {
    var arrivals: [String: Int] = [:]
    var stopped = false
  }

  /// - Parameter namespace: name of a network namespace; `nil` means the host's.
  static func start(interface: String?, namespace: String? = nil, port: UInt16 = 0) async throws -> HostListener {
    let open: @Sendable () throws -> HostListener = { try HostListener(interface: interface, port: port) }
    let listener = if let namespace { try await inNetworkNamespace(namespace, open) } else { try open() }
    Thread.detachNewThread { listener.serve() }
    return listener
  }

  private init(interface: String?, port: UInt16) throws {
    tcp = try boundSocket(SOCK_STREAM, AF_INET6, interface: interface, port: port)
    self.port = try localPort(tcp)
    let port = self.port
    udp = try [AF_INET, AF_INET6].map { try boundSocket(SOCK_DGRAM, $0, interface: interface, port: port) }
    guard listen(tcp.number, 64) == 0 else { throw networkFailure("listen on port \(self.port)") }
  }

  func stop() { state.withLock { $0.stopped = true } }

  /// Counts by "tcp ADDRESS" and "udp ADDRESS TEXT", with the address of the sender and the datagram's text.
  var arrivals: [String: Int] { state.withLock { $0.arrivals } }

  private func serve() {
    var entries = ([tcp] + udp).map { pollfd(fd: $0.number, events: Int16(POLLIN), revents: 0) }
    var buffer = [UInt8](repeating: 0, count: 2048)
    let greeting = Array("lobstack witness\n".utf8)
    while !state.withLock({ $0.stopped }) {
      guard poll(&entries, nfds_t(entries.count), 50) > 0 else { continue }
      var from = sockaddr_in6()
      if entries[0].revents != 0 {
        let connection = withSender(&from) { accept(tcp.number, $0, $1) }
        if connection >= 0 {
          _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
          note("tcp", from, "")
          // The caller may be gone; it has been counted.
          _ = send(connection, greeting, greeting.count, Int32(MSG_NOSIGNAL))
          close(connection)
        }
      }
      for (entry, socket) in zip(entries.dropFirst(), udp) where entry.revents != 0 {
        let count = withSender(&from) {
          recvfrom(socket.number, &buffer, buffer.count, Int32(MSG_DONTWAIT), $0, $1)
        }
        if count >= 0 { note("udp", from, " " + String(decoding: buffer[..<min(count, 24)], as: UTF8.self)) }
      }
    }
  }

  private func note(_ kind: String, _ from: sockaddr_in6, _ text: String) {
    // sockaddr_in has its address where sockaddr_in6 has the flow label.
    let isVersion4 = from.sin6_family == sa_family_t(AF_INET)
    let bytes =
      isVersion4
      ? withUnsafeBytes(of: from.sin6_flowinfo) { Array($0) } : withUnsafeBytes(of: from.sin6_addr) { Array($0) }
    // To a socket of IPv6 an IPv4 sender shows as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2).
    let isMapped =
      !isVersion4 && bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
    guard let address = IPAddress(bytes: isMapped ? bytes[12...] : bytes[...]) else { return }
    state.withLock {
      let key = "\(kind) \(address)\(text)"
      if $0.arrivals[key] != nil || $0.arrivals.count < 1024 { $0.arrivals[key, default: 0] += 1 }
    }
  }
}

/// Calls what wants to write down a sender's address.
func withSender<Result>(
  _ from: inout sockaddr_in6, _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Result
) -> Result {
  var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
  return withUnsafeMutablePointer(to: &from) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, &length) }
  }
}

/// A socket on every address: of its family for datagrams, of both for connections.
func boundSocket(_ type: __socket_type, _ family: Int32, interface: String?, port: UInt16) throws -> SocketHandle {
  let number = socket(family, Int32(type.rawValue | SOCK_CLOEXEC.rawValue), 0)
  guard number >= 0 else { throw networkFailure("open a socket") }
  let handle = SocketHandle(number)
  if family == AF_INET6 {
    var only: Int32 = type == SOCK_DGRAM ? 1 : 0
    setsockopt(number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &only, socklen_t(MemoryLayout<Int32>.size))
  }
  if let interface {
    guard setsockopt(number, SOL_SOCKET, SO_BINDTODEVICE, interface, socklen_t(interface.utf8.count)) == 0 else {
      throw networkFailure("listen behind \(interface)")
    }
  }
  // All zero but for family and port, which is "any address" in sockaddr_in as well as in sockaddr_in6.
  var address = sockaddr_in6()
  address.sin6_family = sa_family_t(family)
  address.sin6_port = port.bigEndian
  let result = withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(number, $0, socklen_t(family == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size))
    }
  }
  guard result == 0 else { throw networkFailure("listen on port \(port)") }
  return handle
}

func localPort(_ handle: SocketHandle) throws -> UInt16 {
  var address = sockaddr_in6()
  guard withSender(&address, { getsockname(handle.number, $0, $1) }) == 0 else { throw networkFailure("read a port") }
  return UInt16(bigEndian: address.sin6_port)
}

/// A TCP port of the loopback address that nothing listens on at this moment.
func freePort() throws -> UInt16 {
  try localPort(try boundSocket(SOCK_STREAM, AF_INET, interface: nil, port: 0))
}
