/// Names for the numbers of calls that are told without a form of their own.
enum RawArguments {
  static func named(_ call: UInt64, _ numbers: CallNumbers) -> NamedNumbers {
    switch call {
    case 62: NamedNumbers(("pid", numbers[0]), ("sig", numbers[1]))
    case 101: NamedNumbers(("request", numbers[0]), ("pid", numbers[1]))
    case 113: NamedNumbers(("ruid", numbers[0] & 0xffff_ffff), ("euid", numbers[1] & 0xffff_ffff))
    case 114: NamedNumbers(("rgid", numbers[0] & 0xffff_ffff), ("egid", numbers[1] & 0xffff_ffff))
    case 165: NamedNumbers(("flags", numbers[3]))
    case 166, 272: NamedNumbers(("flags", numbers[0]))
    case 263: NamedNumbers(("dirfd", numbers[0]), ("flags", numbers[2]))
    case 308: NamedNumbers(("fd", numbers[0]), ("nstype", numbers[1]))
    case 310, 311: NamedNumbers(("pid", numbers[0]))
    case 313: NamedNumbers(("fd", numbers[0]), ("flags", numbers[2]))
    case 319: NamedNumbers(("flags", numbers[1]))
    case 321: NamedNumbers(("cmd", numbers[0]))
    case 90, 268: NamedNumbers(("mode", call == 90 ? numbers[1] : numbers[2]))
    default: NamedNumbers()
    }
  }
}
