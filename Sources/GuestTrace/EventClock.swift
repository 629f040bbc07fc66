import Detection
import Glibc

/// A time of an event in the forms that Falco prints, in universal time.
struct EventClock {
  private let time: UInt64

  init(_ time: UInt64) { self.time = time }

  func value(_ field: GuestField, _ arena: ValueArena) -> FieldValue {
    // A time past what the calendar has is a lie; it is cut.
    var seconds = time_t(min(time / 1_000_000_000, 253_402_300_799))
    var parts = tm()
    gmtime_r(&seconds, &parts)
    arena.begin()
    switch field {
    case .eventTimeISO:
      appendDate(parts, arena)
      arena.append("T")
      appendTime(parts, arena)
      appendNanoseconds(arena)
      arena.append("+0000")
    case .eventDateTime, .eventDateTimeSeconds:
      appendDate(parts, arena)
      arena.append(" ")
      appendTime(parts, arena)
      if field == .eventDateTime { appendNanoseconds(arena) }
    default:
      appendTime(parts, arena)
      if field == .eventTime { appendNanoseconds(arena) }
    }
    return arena.endString()
  }

  private func appendDate(_ parts: tm, _ arena: ValueArena) {
    append(UInt64(parts.tm_year + 1900), digits: 4, arena)
    arena.append("-")
    append(UInt64(parts.tm_mon + 1), digits: 2, arena)
    arena.append("-")
    append(UInt64(parts.tm_mday), digits: 2, arena)
  }

  private func appendTime(_ parts: tm, _ arena: ValueArena) {
    append(UInt64(parts.tm_hour), digits: 2, arena)
    arena.append(":")
    append(UInt64(parts.tm_min), digits: 2, arena)
    arena.append(":")
    append(UInt64(parts.tm_sec), digits: 2, arena)
  }

  private func appendNanoseconds(_ arena: ValueArena) {
    arena.append(".")
    append(time % 1_000_000_000, digits: 9, arena)
  }

  private func append(_ number: UInt64, digits: Int, _ arena: ValueArena) {
    let text = "\(number)"
    for _ in 0..<max(0, digits - text.utf8.count) { arena.append("0" as StaticString) }
    arena.append(text)
  }
}
