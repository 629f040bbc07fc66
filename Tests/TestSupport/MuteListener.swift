import Faults
import Foundation
import Glibc

/// A port of 127.0.0.1 at which nobody ever says anything.
package final class MuteListener: Sendable {
  package enum Manner: Sendable {
    /// Takes connections and closes them at once, as a forwarded port of a dead Pod does.
    case closes
    /// Takes connections and keeps them.
    case silent
    /// Takes none.
    case refuses
  }

  package let port: UInt16
  private let descriptor: Int32
  private let manner: Manner

  package init(_ manner: Manner) throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isOpen = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard isOpen, manner == .refuses || listen(descriptor, 16) == 0 else {
      let reason = String(cString: strerror(errno))
      close(descriptor)
      throw Fault(.failed, operation: "listen on 127.0.0.1", reason: reason, remedy: "see the test")
    }
    port = UInt16(bigEndian: address.sin_port)
    (self.descriptor, self.manner) = (descriptor, manner)
    guard manner == .closes else { return }
    Thread.detachNewThread {
      while true {
        let connection = accept(descriptor, nil, nil)
        guard connection >= 0 else { break }
        close(connection)
      }
      close(descriptor)
    }
  }

  deinit {
    // Whoever waits in `accept` closes it.
    if manner == .closes { shutdown(descriptor, Int32(SHUT_RDWR)) } else { close(descriptor) }
  }
}
