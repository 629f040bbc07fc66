import Foundation
import Glibc
import Synchronization

/// The world's DNS: every name has the address that its first label spells, `a-93-184-216-34.example` has 93.184.216.34.
///
/// Whoever may choose a name may so choose any address behind it, which is what an owner of a domain can do.
final class NameServer: Sendable {
  private let socket: SocketHandle
  private let stopped = Mutex(false)

  static func start(namespace: String, port: UInt16) async throws -> NameServer {
    let server = NameServer(
      try await inNetworkNamespace(namespace) { try boundSocket(SOCK_DGRAM, AF_INET, interface: nil, port: port) })
    Thread.detachNewThread { server.serve() }
    return server
  }

  private init(_ socket: SocketHandle) { self.socket = socket }

  func stop() { stopped.withLock { $0 = true } }

  /// The first label of a name that leads to an address.
  static func label(of address: IPAddress) -> String {
    "a-" + address.bytes.map { "\($0)" }.joined(separator: "-")
  }

  private func serve() {
    var entry = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
    var buffer = [UInt8](repeating: 0, count: 1500)
    while !stopped.withLock({ $0 }) {
      guard poll(&entry, 1, 50) > 0 else { continue }
      var from = sockaddr_in6()
      let count = withSender(&from) { recvfrom(socket.number, &buffer, buffer.count, Int32(MSG_DONTWAIT), $0, $1) }
      guard count > 0, let answer = Self.answer(to: Array(buffer[..<count])) else { continue }
      // An answer that is lost is asked for again.
      _ = withUnsafePointer(to: &from) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          sendto(socket.number, answer, answer.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
    }
  }

  /// RFC 1035 §4.1: the question back, with one record of type A where the name spells an address.
  static func answer(to query: [UInt8]) -> [UInt8]? {
    guard query.count > 17 else { return nil }
    var place = 12
    while place < query.count, query[place] > 0 { place += 1 + Int(query[place]) }
    guard place + 5 <= query.count else { return nil }
    let question = query[12..<(place + 5)]
    let label = String(decoding: query[13..<min(13 + Int(query[12]), query.count)], as: UTF8.self).lowercased()
    let bytes = label.split(separator: "-").dropFirst().compactMap { UInt8($0) }
    let isAddress = query[place + 1] == 0 && query[place + 2] == 1 && bytes.count == 4
    let head = query[..<2] + [0x81, 0x80, 0, 1, 0, isAddress ? 1 : 0, 0, 0, 0, 0]
    // The name by a pointer to the question; class IN; good for a second.
    let record: [UInt8] = isAddress ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4] + bytes : []
    return Array(head + question) + record
  }
}
