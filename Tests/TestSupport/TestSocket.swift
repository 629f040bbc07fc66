import Faults
import Glibc

/// A socket of an agent, by the address that it sends from. Reads wait for two seconds at most.
package final class TestSocket: Sendable {
  private let descriptor: Int32

  package init(_ type: __socket_type, from source: String, to port: UInt16, at address: String = "127.0.0.1") throws {
    descriptor = socket(AF_INET, Int32(type.rawValue), 0)
    var wait = timeval(tv_sec: 2, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
    var own = Self.place(source, 0)
    var other = Self.place(address, port)
    guard Self.call(&own, { bind(descriptor, $0, $1) }) == 0, Self.call(&other, { connect(descriptor, $0, $1) }) == 0
    else {
      throw Fault(
        .failed, operation: "ask \(address):\(port) from \(source)", reason: String(cString: strerror(errno)),
        remedy: "see the test")
    }
  }

  deinit { close(descriptor) }

  @discardableResult
  package func send(_ bytes: [UInt8], flags: Int32 = 0) -> Int {
    Glibc.send(descriptor, bytes, bytes.count, flags | Int32(MSG_NOSIGNAL))
  }

  package func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// - Returns: `nil` when nothing came in time; nothing at all when the other side closed.
  package func receive(_ most: Int = 65_536) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: most)
    let count = recv(descriptor, &buffer, most, 0)
    if count < 0 { return errno == ECONNRESET ? [] : nil }
    return Array(buffer.prefix(count))
  }

  /// The next message of a TCP stream; `nil` when it ended or nothing came in time.
  package func receiveMessage() -> [UInt8]? {
    guard let length = receiveExactly(2) else { return nil }
    return receiveExactly(Int(length[0]) << 8 | Int(length[1]))
  }

  private func receiveExactly(_ count: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    while bytes.count < count {
      guard let more = receive(count - bytes.count), !more.isEmpty else { return nil }
      bytes += more
    }
    return bytes
  }

  private static func place(_ address: String, _ port: UInt16) -> sockaddr_in {
    var place = sockaddr_in()
    place.sin_family = sa_family_t(AF_INET)
    place.sin_port = port.bigEndian
    inet_pton(AF_INET, address, &place.sin_addr)
    return place
  }

  private static func call(_ place: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    withUnsafePointer(to: &place) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
  }
}

/// A query for an A record, or another type.
package func query(_ name: String, id: UInt16 = 7, type: UInt8 = 1) -> [UInt8] {
  [UInt8(id >> 8), UInt8(id & 0xff), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    + name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0, 0, type, 0, 1]
}

/// The message behind its length, for TCP.
package func framed(_ message: [UInt8]) -> [UInt8] {
  [UInt8(message.count >> 8), UInt8(message.count & 0xff)] + message
}

package func code(_ answer: [UInt8]?) -> UInt8? {
  guard let answer, answer.count >= 12 else { return nil }
  return answer[3] & 0xf
}

package func id(_ answer: [UInt8]?) -> UInt16? {
  guard let answer, answer.count >= 12 else { return nil }
  return UInt16(answer[0]) << 8 | UInt16(answer[1])
}
