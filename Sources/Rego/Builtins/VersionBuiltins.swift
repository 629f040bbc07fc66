extension Builtins {
  static let versions: [Builtin] = [
    Builtin.texts("semver.compare") { left, right, context in
      try context.spend(bytes: left.utf8.count + right.utf8.count)
      guard let left = SemanticVersion(left), let right = SemanticVersion(right) else { return nil }
      return .int(SemanticVersion.order(left, right))
    },
    Builtin("semver.is_valid", 1) { arguments, context in
      guard let text = arguments[0].text else { return false }
      try context.spend(bytes: text.utf8.count)
      return .truth(SemanticVersion(text) != nil)
    },
  ]
}

/// A version of three numbers (semver.org).
private struct SemanticVersion {
  private let numbers: [Int]
  private let preRelease: [[UInt8]]

  init?(_ text: String) {
    var rest = text.bytes[...]
    if rest.first == UInt8(ascii: "v") { rest.removeFirst() }
    let build = Self.cut(&rest, at: UInt8(ascii: "+"))
    let release = Self.cut(&rest, at: UInt8(ascii: "-"))
    guard Self.isIdentifier(build), Self.isIdentifier(release) else { return nil }
    let parts = rest.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Self.isNumber($0) ? Int(String(decoding: $0, as: UTF8.self)) : nil }
    guard parts.count == 3, numbers.count == 3 else { return nil }
    self.numbers = numbers
    preRelease =
      release.isEmpty
      ? [] : release.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map { Array($0) }
  }

  /// What is behind a sign, which is cut off.
  private static func cut(_ text: inout ArraySlice<UInt8>, at sign: UInt8) -> ArraySlice<UInt8> {
    guard let place = text.firstIndex(of: sign) else { return [] }
    defer { text = text[..<place] }
    return text[(place + 1)...]
  }

  private static func isNumber(_ text: some Collection<UInt8>) -> Bool {
    !text.isEmpty && text.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
  }

  /// Letters, digits and "-", with points between them; or nothing.
  private static func isIdentifier(_ text: ArraySlice<UInt8>) -> Bool {
    if text.isEmpty { return true }
    return text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { part in
      !part.isEmpty
        && part.allSatisfy { byte in
          switch byte {
          case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"):
            true
          default: false
          }
        }
    }
  }

  static func order(_ left: SemanticVersion, _ right: SemanticVersion) -> Int {
    for (left, right) in zip(left.numbers, right.numbers) where left != right { return left < right ? -1 : 1 }
    if left.preRelease.isEmpty || right.preRelease.isEmpty {
      return (left.preRelease.isEmpty ? 1 : 0) - (right.preRelease.isEmpty ? 1 : 0)
    }
    for (left, right) in zip(left.preRelease, right.preRelease) {
      let order = order(left, right)
      if order != 0 { return order }
    }
    return (left.preRelease.count - right.preRelease.count).signum()
  }

  /// Numbers come before others. Those that are too large are as large as can be.
  private static func order(_ left: [UInt8], _ right: [UInt8]) -> Int {
    switch (isNumber(left), isNumber(right)) {
    case (true, false): return -1
    case (false, true): return 1
    case (false, false): return byteOrder(String(repairing: left), String(repairing: right)).signum()
    case (true, true):
      let (left, right) = (Int(String(repairing: left)) ?? .max, Int(String(repairing: right)) ?? .max)
      return left < right ? -1 : left == right ? 0 : 1
    }
  }
}
