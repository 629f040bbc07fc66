import CLinux
import Foundation
import Glibc
import Synchronization

/// Listens for words in every packet that passes some interfaces of the host, in either direction.
final class Eavesdropper: Sendable {
  private let sockets: [SocketHandle]
  private let words: [[UInt8]]
  private let state = Mutex(State())

  private struct State {
    var heard: Set<Int> = []
    var stopped = false
  }

  /// - Parameters:
  ///   - words: in lower case; letters of either case are the same.
  ///   - interfaces: those that are gone are left out.
  static func start(for words: [String], on interfaces: [String]) throws -> Eavesdropper {
    let sockets = interfaces.map { lobstack_packet_socket($0, nil) }.filter { $0 >= 0 }.map { SocketHandle($0) }
    guard !sockets.isEmpty else { throw networkFailure("watch \(interfaces.joined(separator: ", "))") }
    let listener = Eavesdropper(sockets, words.map { Array($0.utf8) })
    Thread.detachNewThread { listener.listen() }
    return listener
  }

  private init(_ sockets: [SocketHandle], _ words: [[UInt8]]) {
    self.sockets = sockets
    self.words = words
  }

  func stop() { state.withLock { $0.stopped = true } }

  /// Whether the word at this place of the list went by.
  func heard(_ place: Int) -> Bool { state.withLock { $0.heard.contains(place) } }

  private func listen() {
    var entries = sockets.map { pollfd(fd: $0.number, events: Int16(POLLIN), revents: 0) }
    var buffer = [UInt8](repeating: 0, count: 65_600)
    while !state.withLock({ $0.stopped }) {
      guard poll(&entries, nfds_t(entries.count), 50) > 0 else { continue }
      for entry in entries where entry.revents != 0 {
        var outgoing: Int32 = 0
        while case let count = lobstack_receive_packet(entry.fd, &buffer, buffer.count, &outgoing), count > 0 {
          note(buffer[..<min(count, 2048)])
        }
      }
    }
  }

  private func note(_ packet: ArraySlice<UInt8>) {
    let folded = packet.map { (0x41...0x5a).contains($0) ? $0 + 32 : $0 }
    for (place, word) in words.enumerated() where contains(folded, word) {
      _ = state.withLock { $0.heard.insert(place) }
    }
  }

  private func contains(_ bytes: [UInt8], _ word: [UInt8]) -> Bool {
    guard bytes.count >= word.count, let first = word.first else { return false }
    return bytes.indices.dropLast(word.count - 1).contains { place in
      bytes[place] == first && bytes[place..<(place + word.count)].elementsEqual(word)
    }
  }
}
