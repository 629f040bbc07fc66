import Faults

/// One event of a `text/event-stream`.
struct ServerEvent: Hashable, Sendable {
  /// The place in the stream, to go on from; the last one that was told.
  var id: String?
  /// `nil` for an event without a name.
  var name: String?
  /// `nil` for an event that tells its place and nothing else.
  var data: String?
}

/// Cuts a `text/event-stream` into events as its bytes come (WHATWG HTML, "Server-sent events").
struct EventStreamParser {
  /// Longest line.
  static let longest = 4 << 20

  private var line: [UInt8] = []
  private var event = ServerEvent()
  private var toldPlace = false

  /// - Throws: `Fault(.failed)` for a line that is longer than any of the platform's.
  mutating func events(of bytes: some Sequence<UInt8>) throws -> [ServerEvent] {
    var events: [ServerEvent] = []
    for byte in bytes {
      guard byte == UInt8(ascii: "\n") else {
        guard line.count < Self.longest else {
          throw Fault(
            .failed, operation: "read events", reason: "a line has more than \(Self.longest) bytes",
            remedy: "use client and platform of the same version")
        }
        line.append(byte)
        continue
      }
      if line.last == UInt8(ascii: "\r") { line.removeLast() }
      if let event = take(String(decoding: line, as: UTF8.self)) { events.append(event) }
      line.removeAll(keepingCapacity: true)
    }
    return events
  }

  /// - Returns: the event that the line ended.
  private mutating func take(_ line: String) -> ServerEvent? {
    guard !line.isEmpty else {
      defer {
        event = ServerEvent(id: event.id)
        toldPlace = false
      }
      return event.data != nil || toldPlace ? event : nil
    }
    let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let value = parts.count < 2 ? "" : String(parts[1].hasPrefix(" ") ? parts[1].dropFirst() : parts[1])
    switch parts[0] {
    case "id":
      event.id = value
      toldPlace = true
    case "event": event.name = value
    case "data": event.data = event.data.map { "\($0)\n\(value)" } ?? value
    // A comment, which keeps the connection alive, or what a later version adds.
    default: break
    }
    return nil
  }
}
