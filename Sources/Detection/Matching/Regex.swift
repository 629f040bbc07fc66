import CRE2

/// A regular expression of a rule, matched against whole values by RE2: in time linear to the value.
final class Regex: Sendable {
  struct Refusal: Error {
    var reason: String
  }

  // Written once; RE2 may be used by several threads.
  private nonisolated(unsafe) let expression: OpaquePointer

  /// - Throws: `Refusal` in RE2's words.
  init(_ pattern: [UInt8]) throws(Refusal) {
    let compiled = pattern.withUnsafeBytes { bytes in
      lobstack_re2_compile(bytes.bindMemory(to: CChar.self).baseAddress, bytes.count)
    }
    guard let compiled else { throw Refusal(reason: "out of memory") }
    expression = compiled
    if let error = lobstack_re2_error(compiled) { throw Refusal(reason: String(cString: error)) }
  }

  deinit { lobstack_re2_free(expression) }

  /// What is no UTF-8 in the text counts as U+FFFD.
  func matches(_ text: UnsafeRawBufferPointer) -> Bool {
    guard text.allSatisfy({ $0 < 0x80 }) else {
      return matches(valid: Array(String(decoding: text, as: UTF8.self).utf8))
    }
    return lobstack_re2_matches(expression, text.bindMemory(to: CChar.self).baseAddress, text.count) != 0
  }

  private func matches(valid text: [UInt8]) -> Bool {
    text.withUnsafeBytes {
      lobstack_re2_matches(expression, $0.bindMemory(to: CChar.self).baseAddress, $0.count) != 0
    }
  }
}
