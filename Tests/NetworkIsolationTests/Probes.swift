import CLinux
import Foundation
import Glibc

/// Sockets in a network namespace of choice, without a program in it: a thread enters the namespace, makes the socket
/// and ends; the socket stays where it was made.
enum Probe {
  /// `nil` is this machine's own namespace.
  private static func on<Result: Sendable>(
    _ namespacePath: String?, _ body: @escaping @Sendable () -> Result
  ) async -> Result {
    await withCheckedContinuation { continuation in
      Thread {
        if let namespacePath {
          let descriptor = open(namespacePath, O_RDONLY | O_CLOEXEC)
          precondition(descriptor >= 0 && lobstack_enter_network_namespace(descriptor) == 0, namespacePath)
          close(descriptor)
        }
        continuation.resume(returning: body())
      }.start()
    }
  }

  /// A TCP listener, by default on a free port of every IPv4 address; close the descriptor when done.
  static func listen(
    in namespacePath: String? = nil, on host: String = "0.0.0.0", port: UInt16 = 0
  ) async -> (descriptor: Int32, port: UInt16) {
    await on(namespacePath) {
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var address = ipv4(host, port)
      _ = withSocketAddress(&address) { bind(descriptor, $0, $1) }
      Glibc.listen(descriptor, 16)
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      _ = withUnsafeMutableBytes(of: &address) { bytes in
        bytes.baseAddress.map { getsockname(descriptor, $0.assumingMemoryBound(to: sockaddr.self), &length) }
      }
      return (descriptor, UInt16(bigEndian: address.sin_port))
    }
  }

  /// Whether a TCP connection comes about within 400 ms.
  static func connects(from namespacePath: String? = nil, to host: String, port: UInt16) async -> Bool {
    await on(namespacePath) {
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
      defer { close(descriptor) }
      var address = ipv4(host, port)
      if withSocketAddress(&address, { connect(descriptor, $0, $1) }) == 0 { return true }
      guard errno == EINPROGRESS else { return false }
      var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      guard poll(&poller, 1, 400) == 1 else { return false }
      var error: Int32 = 0
      var length = socklen_t(MemoryLayout<Int32>.size)
      getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length)
      return error == 0
    }
  }

  /// Sends a UDP datagram, from an address of choice.
  static func send(
    from namespacePath: String, source: String? = nil, to host: String, port: UInt16
  ) async {
    await on(namespacePath) {
      let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
      defer { close(descriptor) }
      if let source {
        var address = ipv4(source, 0)
        _ = withSocketAddress(&address) { bind(descriptor, $0, $1) }
      }
      var address = ipv4(host, port)
      _ = withSocketAddress(&address) { sendto(descriptor, "x", 1, 0, $0, $1) }
    }
  }

  /// Sends a UDP datagram over IPv6.
  static func send6(from namespacePath: String, to host: String, port: UInt16) async {
    await on(namespacePath) {
      let descriptor = socket(AF_INET6, Int32(SOCK_DGRAM.rawValue), 0)
      defer { close(descriptor) }
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      inet_pton(AF_INET6, host, &address.sin6_addr)
      _ = withUnsafeBytes(of: address) { bytes in
        bytes.baseAddress.map {
          sendto(descriptor, "x", 1, 0, $0.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        }
      }
    }
  }
}

private func ipv4(_ host: String, _ port: UInt16) -> sockaddr_in {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  inet_pton(AF_INET, host, &address.sin_addr)
  return address
}

private func withSocketAddress(
  _ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> some BinaryInteger
) -> Int {
  withUnsafeBytes(of: address) { bytes in
    guard let base = bytes.baseAddress else { return -1 }
    return Int(body(base.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count)))
  }
}
