/// Options of a command line, as getopt(3) finds them with an option string.
struct OptionScan {
  private var known: Set<UInt8> = []
  private var withValue: Set<UInt8> = []

  init(_ options: [UInt8]) {
    let colon = UInt8(ascii: ":")
    var index = options.first == colon ? 1 : 0
    while index < options.count {
      let option = options[index]
      index += 1
      if option == colon { continue }
      known.insert(option)
      if index < options.count, options[index] == colon {
        withValue.insert(option)
        index += 1
      }
    }
  }

  /// - Parameter selector: the one option that is wanted.
  /// - Returns: options and their values in order, `?` for one that is not known; for a selector its values.
  func results(_ arguments: [[UInt8]], selector: UInt8?) -> [[UInt8]] {
    var results: [[UInt8]] = []
    var place = 0
    while place < arguments.count {
      let argument = arguments[place]
      if argument == Array("--".utf8) { break }
      if argument.count > 2, argument.starts(with: "--".utf8) {
        place += 1
        continue
      }
      guard argument.count > 1, argument[0] == UInt8(ascii: "-") else { break }
      scan(argument, arguments, &place, selector, &results)
      place += 1
    }
    return results
  }

  private func scan(
    _ argument: [UInt8], _ arguments: [[UInt8]], _ place: inout Int, _ selector: UInt8?, _ results: inout [[UInt8]]
  ) {
    for index in 1..<argument.count {
      let option = argument[index]
      guard known.contains(option) else {
        if selector == nil { results.append([UInt8(ascii: "?")]) }
        continue
      }
      let isWanted = selector == nil || option == selector
      guard withValue.contains(option) else {
        if isWanted { results.append([option]) }
        continue
      }
      var value: [UInt8]?
      if index + 1 < argument.count {
        value = Array(argument[(index + 1)...])
      } else if place + 1 < arguments.count {
        place += 1
        value = arguments[place]
      }
      guard isWanted else { return }
      guard let value else {
        results.append([])
        return
      }
      if selector == nil { results.append([option]) }
      results.append(value)
      return
    }
  }
}
