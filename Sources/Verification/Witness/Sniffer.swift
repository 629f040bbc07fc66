import CLinux
import Foundation
import Glibc
import Synchronization

/// What one packet was, as far as a witness needs it.
struct Sighting: Sendable, Hashable, CustomStringConvertible {
  var source: IPAddress
  var destination: IPAddress
  var protocolNumber: UInt8
  /// Destination port of TCP and UDP.
  var port: UInt16?

  var description: String {
    let name =
      switch protocolNumber {
      case 1, 58: "icmp"
      case 6: "tcp"
      case 17: "udp"
      default: "protocol \(protocolNumber)"
      }
    return "\(source) → \(destination) \(name)\(port.map { " port \($0)" } ?? "")"
  }

  /// - Returns: `nil` for a frame that carries no IP packet, or a part of one.
  init?(frame: ArraySlice<UInt8>) {
    let frame = Array(frame)
    guard frame.count >= 14 + 20 else { return nil }
    let packet = Array(frame[14...])
    let transport: Int
    switch (UInt16(frame[12]) << 8 | UInt16(frame[13]), packet[0] >> 4) {
    case (0x0800, 4):
      guard let from = IPAddress(bytes: packet[12..<16]), let to = IPAddress(bytes: packet[16..<20]) else {
        return nil
      }
      (source, destination, protocolNumber) = (from, to, packet[9])
      transport = Int(packet[0] & 0x0f) * 4
    case (0x86dd, 6):
      guard packet.count >= 40, let from = IPAddress(bytes: packet[8..<24]), let to = IPAddress(bytes: packet[24..<40])
      else { return nil }
      (source, destination, protocolNumber) = (from, to, packet[6])
      transport = 40
    default: return nil
    }
    if protocolNumber == 6 || protocolNumber == 17, packet.count >= transport + 4 {
      port = UInt16(packet[transport + 2]) << 8 | UInt16(packet[transport + 3])
    }
  }
}

/// Sees every packet that passes one place: an interface, or all of a network namespace.
final class Sniffer: Sendable {
  /// What each kind of packet was counted as; past the bound only known kinds are counted.
  private static let most = 4096

  private let descriptor: Int32
  private let state = Mutex(State())

  private struct State {
    var counts: [Sighting: Int] = [:]
    var stopped = false
  }

  /// - Parameters:
  ///   - interface: `nil` means every interface of the namespace.
  ///   - namespace: name of a network namespace; `nil` means the host's.
  static func start(interface: String? = nil, namespace: String? = nil) async throws -> Sniffer {
    let open: @Sendable () throws -> Int32 = {
      let descriptor = lobstack_packet_socket(interface, nil)
      guard descriptor >= 0 else { throw networkFailure("watch the packets of \(interface ?? "a namespace")") }
      return descriptor
    }
    let descriptor = if let namespace { try await inNetworkNamespace(namespace, open) } else { try open() }
    let sniffer = Sniffer(descriptor)
    Thread.detachNewThread { sniffer.watch() }
    return sniffer
  }

  private init(_ descriptor: Int32) { self.descriptor = descriptor }

  func stop() { state.withLock { $0.stopped = true } }

  /// Everything that came in and fits, as text for a report; empty when nothing did.
  func sightings(where fits: (Sighting) -> Bool) -> [Sighting] {
    state.withLock { Array($0.counts.keys) }.filter(fits).sorted { $0.description < $1.description }
  }

  func count(where fits: (Sighting) -> Bool) -> Int {
    state.withLock { $0.counts }.reduce(0) { fits($1.key) ? $0 + $1.value : $0 }
  }

  private func watch() {
    var buffer = [UInt8](repeating: 0, count: 65_600)
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while !state.withLock({ $0.stopped }) {
      guard poll(&entry, 1, 50) > 0 else { continue }
      var outgoing: Int32 = 0
      while case let count = lobstack_receive_packet(descriptor, &buffer, buffer.count, &outgoing), count > 0 {
        guard outgoing == 0, let sighting = Sighting(frame: buffer[..<count]) else { continue }
        state.withLock {
          if $0.counts[sighting] != nil || $0.counts.count < Self.most { $0.counts[sighting, default: 0] += 1 }
        }
      }
    }
    close(descriptor)
  }
}
