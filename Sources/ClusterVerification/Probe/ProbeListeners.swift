import CLinux
import Glibc

/// Ports on which everybody is told a canary, over TCP and UDP, and over IPv6 where there is any.
final class ProbeListeners {
  private let canary: [UInt8]
  private var streams: [Int32] = []
  private var datagrams: [Int32] = []
  private(set) var failures: [String] = []

  init(_ ports: [UInt16], canary: String) {
    self.canary = Array(canary.utf8)
    for port in ports {
      for text in ["0.0.0.0", "::"] {
        guard let address = ProbeAddress(text, port: port) else { continue }
        for (type, isStream) in [(SOCK_STREAM, true), (SOCK_DGRAM, false)] {
          let socket = ProbeSocket.open(address, type)
          guard socket >= 0 else { continue }  // there is no such family here
          var yes: Int32 = 1
          if address.family == AF_INET6 {
            setsockopt(socket, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &yes, socklen_t(MemoryLayout<Int32>.size))
          }
          setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
          let isOpen = address.with { bind(socket, $0, $1) } == 0 && (!isStream || listen(socket, 64) == 0)
          guard isOpen else {
            if address.family == AF_INET { failures.append("port \(port): \(ProbeSocket.error)") }
            close(socket)
            continue
          }
          if isStream { streams.append(socket) } else { datagrams.append(socket) }
        }
      }
    }
  }

  deinit { for socket in streams + datagrams { close(socket) } }

  /// Serves for so many milliseconds, or until one of other sockets has something to say.
  ///
  /// - Parameter others: with the events that are waited for.
  /// - Returns: what happened to these.
  func serve(for milliseconds: Int32, _ others: [pollfd] = []) -> [pollfd] {
    let end = Self.now + Int64(milliseconds)
    while true {
      let left = Int32(clamping: max(0, end - Self.now))
      var all = others + (streams + datagrams).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      let count = poll(&all, nfds_t(all.count), left)
      for place in all.dropFirst(others.count) where place.revents != 0 { answer(place.fd) }
      let happened = all.prefix(others.count).filter { $0.revents != 0 }
      if !happened.isEmpty || count == 0 || Self.now >= end { return Array(happened) }
    }
  }

  private func answer(_ socket: Int32) {
    if streams.contains(socket) {
      let caller = accept(socket, nil, nil)
      guard caller >= 0 else { return }
      _ = ProbeSocket.say(canary, caller)
      shutdown(caller, Int32(SHUT_WR))
      close(caller)
      return
    }
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    var buffer = [UInt8](repeating: 0, count: 512)
    withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { caller in
        guard recvfrom(socket, &buffer, buffer.count, 0, caller, &length) >= 0 else { return }
        // Not more than was asked with: nobody is answered who did not ask.
        _ = sendto(socket, canary, canary.count, 0, caller, length)
      }
    }
  }

  /// Milliseconds of a clock that nobody sets.
  private static var now: Int64 { lobstack_clock(CLOCK_MONOTONIC) / 1_000_000 }
}
