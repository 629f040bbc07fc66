import Glibc

/// Sockets that do not wait.
enum ProbeSocket {
  /// - Returns: -1 with `errno`.
  static func open(_ address: ProbeAddress, _ type: __socket_type, _ number: Int32 = 0) -> Int32 {
    socket(address.family, Int32(type.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), number)
  }

  static var error: String { String(cString: strerror(errno)) }

  /// What is there to be read, at most `limit` bytes; `nil` for nothing, with `errno`.
  static func receive(_ socket: Int32, _ limit: Int = 512) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: limit)
    let count = recv(socket, &buffer, limit, 0)
    return count < 0 ? nil : Array(buffer.prefix(count))
  }

  static func say(_ bytes: [UInt8], _ socket: Int32) -> Bool {
    send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
  }
}

/// An address with a port, as the kernel takes it.
struct ProbeAddress {
  let family: Int32
  private var storage = sockaddr_storage()
  private let length: socklen_t

  /// - Parameter text: IPv4 or IPv6; `nil` for all of the Pod's.
  init?(_ text: String?, port: UInt16) {
    let text = text ?? "0.0.0.0"
    var four = in_addr()
    var six = in6_addr()
    if inet_pton(AF_INET, text, &four) == 1 {
      family = AF_INET
      length = socklen_t(MemoryLayout<sockaddr_in>.size)
      withUnsafeMutableBytes(of: &storage) {
        $0.storeBytes(
          of: sockaddr_in(
            sin_family: sa_family_t(AF_INET), sin_port: port.bigEndian, sin_addr: four,
            sin_zero: (0, 0, 0, 0, 0, 0, 0, 0)), as: sockaddr_in.self)
      }
    } else if inet_pton(AF_INET6, text, &six) == 1 {
      family = AF_INET6
      length = socklen_t(MemoryLayout<sockaddr_in6>.size)
      withUnsafeMutableBytes(of: &storage) {
        $0.storeBytes(
          of: sockaddr_in6(
            sin6_family: sa_family_t(AF_INET6), sin6_port: port.bigEndian, sin6_flowinfo: 0, sin6_addr: six,
            sin6_scope_id: 0), as: sockaddr_in6.self)
      }
    } else {
      return nil
    }
  }

  func with<Value>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
    withUnsafePointer(to: storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
    }
  }
}
