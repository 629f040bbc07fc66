/// A moment by the calendar that everybody uses, in UTC.
struct CalendarDate {
  var year: Int
  var month: Int
  var day: Int
  /// Nanoseconds of the day.
  var time: Int

  static let second = 1_000_000_000
  static let day = 86_400 * second

  /// - Parameter nanoseconds: since 1970.
  init(_ nanoseconds: Int) {
    let rest = nanoseconds % Self.day
    time = rest < 0 ? rest + Self.day : rest
    (year, month, day) = Self.date(Self.floor(nanoseconds, Self.day))
  }

  /// Numbers that are out of range carry over.
  init?(year: Int, month: Int, day: Int, time: Int) {
    let years = Self.floor(month - 1, 12)
    guard (year + years).magnitude < 1_000_000, day.magnitude < 1_000_000_000 else { return nil }
    self.year = year + years
    self.month = month - years * 12
    self.day = day
    self.time = time
  }

  var hour: Int { time / (3_600 * Self.second) }
  var minute: Int { time / (60 * Self.second) % 60 }
  var second: Int { time / Self.second % 60 }

  /// Days since 1970.
  var days: Int {
    // Years begin in March here, so that the day that is not always there is the last.
    let shifted = month > 2 ? year : year - 1
    let era = Self.floor(shifted, 400)
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  /// Since 1970; `nil` when that is too many for 64 bits.
  var nanoseconds: Int? {
    Int(exactly: Int128(days) * Int128(Self.day) + Int128(time))
  }

  /// 0 is Sunday.
  var weekday: Int { (days + 4) - Self.floor(days + 4, 7) * 7 }

  static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

  static func length(month: Int, year: Int) -> Int {
    switch month {
    case 2: isLeap(year) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  private static func floor(_ value: Int, _ divisor: Int) -> Int {
    let (quotient, rest) = value.quotientAndRemainder(dividingBy: divisor)
    return rest < 0 ? quotient - 1 : quotient
  }

  private static func date(_ days: Int) -> (Int, Int, Int) {
    let shifted = days + 719_468
    let era = floor(shifted, 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }
}
