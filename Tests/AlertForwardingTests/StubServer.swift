import Foundation
import Glibc
import Synchronization

/// A web server on this machine that answers one request a connection, with the statuses that it is told, and keeps
/// what came.
final class StubServer: Sendable {
  struct Request: Sendable {
    var head: String
    var body: [UInt8]

    /// The value of a header field, by its name in lower case.
    func header(_ name: String) -> String? {
      let line = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("\(name):") }
      return line.map { $0.dropFirst(name.utf8.count + 1).trimmingCharacters(in: .whitespaces) }
    }
  }

  let port: UInt16
  private let listener: Int32
  private let state = Mutex((statuses: [Int](), requests: [Request]()))
  private let news: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)

  /// - Parameter statuses: of the first answers; 204 when none is left.
  init(statuses: [Int] = []) throws {
    news = AsyncStream.makeStream(of: Void.self)
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let (descriptor, size) = (listener, length)
    let isBound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
    }
    guard isBound == 0, listen(listener, 16) == 0 else { throw POSIXError(.EADDRINUSE) }
    _ = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    port = UInt16(bigEndian: address.sin_port)
    state.withLock { $0.statuses = statuses }
    let thread = Thread { [self] in serve() }
    thread.start()
  }

  func close() { shutdown(listener, Int32(SHUT_RDWR)) }

  var url: String { "http://127.0.0.1:\(port)/hook" }

  /// So many requests, once they have come.
  func requests(_ count: Int) async -> [Request] {
    for await _ in news.stream {
      let come = state.withLock { $0.requests }
      if come.count >= count { return come }
    }
    return []
  }

  private func serve() {
    while true {
      let connection = accept(listener, nil, nil)
      guard connection >= 0 else { break }
      answer(connection)
      Glibc.close(connection)
    }
    Glibc.close(listener)
    news.continuation.finish()
  }

  private func answer(_ connection: Int32) {
    guard let request = read(connection) else { return }
    let status = state.withLock { state in
      state.requests.append(request)
      return state.statuses.isEmpty ? 204 : state.statuses.removeFirst()
    }
    let text = "HTTP/1.1 \(status) X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    _ = send(connection, text, text.utf8.count, Int32(MSG_NOSIGNAL))
    news.continuation.yield()
  }

  private func read(_ connection: Int32) -> Request? {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4_096)
    while true {
      let text = String(decoding: bytes, as: UTF8.self)
      if let end = text.range(of: "\r\n\r\n") {
        let request = Request(head: String(text[..<end.lowerBound]), body: Array(text[end.upperBound...].utf8))
        if request.body.count >= request.header("content-length").flatMap({ Int($0) }) ?? 0 { return request }
      }
      let count = recv(connection, &piece, piece.count, 0)
      guard count > 0 else { return nil }
      bytes += piece[..<count]
    }
  }
}
