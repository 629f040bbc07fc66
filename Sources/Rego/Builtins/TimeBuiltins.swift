extension Builtins {
  static let times: [Builtin] = [
    Builtin("time.now_ns", 0) { _, context in .int(context.now) },
    Builtin.text("time.parse_rfc3339_ns") { text, _ in TimeText.moment(text).map(Value.int) },
    Builtin.text("time.parse_duration_ns") { text, _ in TimeText.duration(text).map(Value.int) },
    Builtin("time.date", 1) { arguments, _ in
      date(arguments[0]).map { [.int($0.year), .int($0.month), .int($0.day)] }
    },
    Builtin("time.clock", 1) { arguments, _ in
      date(arguments[0]).map { [.int($0.hour), .int($0.minute), .int($0.second)] }
    },
    Builtin("time.weekday", 1) { arguments, _ in
      let names = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
      return date(arguments[0]).map { .string(names[$0.weekday]) }
    },
    Builtin("time.add_date", 4) { arguments, _ in
      guard let date = date(arguments[0]), let years = arguments[1].number?.plainInt,
        let months = arguments[2].number?.plainInt, let days = arguments[3].number?.plainInt,
        years.magnitude < 1_000_000, months.magnitude < 10_000_000, days.magnitude < 1_000_000_000
      else { return nil }
      let moved = CalendarDate(
        year: date.year + years, month: date.month + months, day: date.day + days, time: date.time)
      return moved?.nanoseconds.map(Value.int)
    },
    Builtin("time.diff", 2) { arguments, _ in
      guard let left = moment(arguments[0]), let right = moment(arguments[1]) else { return nil }
      let (from, to) = (CalendarDate(min(left, right)), CalendarDate(max(left, right)))
      var parts = [
        to.year - from.year, to.month - from.month, to.day - from.day, to.hour - from.hour, to.minute - from.minute,
        to.second - from.second,
      ]
      let lengths = [0, 12, CalendarDate.length(month: from.month, year: from.year), 24, 60, 60]
      for place in stride(from: 5, to: 0, by: -1) where parts[place] < 0 {
        parts[place] += lengths[place]
        parts[place - 1] -= 1
      }
      return .array(parts.map(Value.int))
    },
  ]

  private static func date(_ value: Value) -> CalendarDate? { moment(value).map(CalendarDate.init) }

  /// Nanoseconds, or an array of these, a zone and a layout. No zones are known but UTC.
  private static func moment(_ value: Value) -> Int? {
    guard let items = value.items else { return value.number?.int }
    guard items.count < 2 || ["", "UTC", "Local"].contains(items[1]), items.count < 3 || items[2].text != nil
    else { return nil }
    return items.first?.number?.int
  }
}

/// Moments and durations as they are written.
enum TimeText {
  /// As in "2006-01-02T15:04:05.999Z" (RFC 3339): nanoseconds since 1970.
  static func moment(_ text: String) -> Int? {
    var reader = Digits(text.bytes)
    guard let year = reader.number(4), reader.take("-"), let month = reader.number(2), reader.take("-"),
      let day = reader.number(2), reader.take("T"), let hour = reader.number(2) ?? reader.number(1), reader.take(":"),
      let minute = reader.number(2), reader.take(":"), let second = reader.number(2)
    else { return nil }
    var nanoseconds = 0
    if reader.take(".") || reader.take(",") {
      guard let fraction = reader.fraction() else { return nil }
      nanoseconds = fraction
    }
    guard let offset = reader.offset(), reader.isAtEnd, (1...12).contains(month),
      (1...CalendarDate.length(month: month, year: year)).contains(day), hour < 24, minute < 60, second < 60
    else { return nil }
    let time = ((hour * 60 + minute) * 60 + second) * CalendarDate.second + nanoseconds
    // The offset may take it to another day.
    let moved = time - offset * 60 * CalendarDate.second
    return CalendarDate(year: year, month: month, day: day, time: moved)?.nanoseconds
  }

  private static let units: [String: Int] = [
    "ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000, "s": CalendarDate.second,
    "m": 60 * CalendarDate.second, "h": 3_600 * CalendarDate.second, "d": CalendarDate.day,
    "w": 7 * CalendarDate.day, "y": 365 * CalendarDate.day,
  ]

  /// As in "-1h2m3.5s": nanoseconds.
  static func duration(_ text: String) -> Int? {
    var rest = Substring(text)
    let isNegative = rest.first == "-"
    if isNegative || rest.first == "+" { rest.removeFirst() }
    if rest == "0" { return 0 }
    guard !rest.isEmpty else { return nil }
    var total: UInt = 0
    while !rest.isEmpty {
      let whole = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(whole.count)
      var fraction = Substring()
      if rest.first == "." {
        fraction = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
        rest = rest.dropFirst(1 + fraction.count)
      }
      let name = rest.prefix { $0 != "." && !($0.isASCII && $0.isNumber) }
      rest = rest.dropFirst(name.count)
      guard !whole.isEmpty || !fraction.isEmpty, let unit = units[String(name)],
        let value = whole.isEmpty ? 0 : UInt(whole), value <= 1 << 63
      else { return nil }
      let (product, isTooLarge) = value.multipliedReportingOverflow(by: UInt(unit))
      // Digits beyond the eighteenth change nothing.
      let digits = fraction.prefix(18)
      let scale = (0..<digits.count).reduce(1.0) { scale, _ in scale * 10 }
      let part = digits.isEmpty ? 0 : UInt(Double(UInt(digits) ?? 0) * (Double(unit) / scale))
      let (sum, isSumTooLarge) = total.addingReportingOverflow(product &+ part)
      guard !isTooLarge, !isSumTooLarge, sum <= 1 << 63 else { return nil }
      total = sum
    }
    if isNegative { return total == 1 << 63 ? Int.min : -Int(total) }
    return Int(exactly: total)
  }

  private struct Digits {
    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { index == bytes.count }

    mutating func take(_ sign: Character) -> Bool {
      guard index < bytes.count, bytes[index] == sign.asciiValue else { return false }
      index += 1
      return true
    }

    mutating func number(_ count: Int) -> Int? {
      guard index + count <= bytes.count else { return nil }
      var value = 0
      for byte in bytes[index..<(index + count)] {
        guard byte >= 0x30, byte <= 0x39 else { return nil }
        value = value * 10 + Int(byte - 0x30)
      }
      index += count
      return value
    }

    /// Of a second, in nanoseconds.
    mutating func fraction() -> Int? {
      let digits = bytes[index...].prefix { $0 >= 0x30 && $0 <= 0x39 }
      guard !digits.isEmpty else { return nil }
      index += digits.count
      let text = String(decoding: digits.prefix(9), as: UTF8.self)
      return Int(text + String(repeating: "0", count: 9 - text.utf8.count))
    }

    /// From UTC, in minutes.
    mutating func offset() -> Int? {
      if take("Z") { return 0 }
      let isWest = take("-")
      guard isWest || take("+"), let hours = number(2), take(":"), let minutes = number(2), hours <= 24, minutes <= 60
      else { return nil }
      return (hours * 60 + minutes) * (isWest ? -1 : 1)
    }
  }
}
