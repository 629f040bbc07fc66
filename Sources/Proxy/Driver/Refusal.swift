import Foundation
import Glibc

/// Why Envoy refused a file, in its own words: found in its log, since the admin interface tells it of listeners only.
enum Refusal {
  /// Longest reason that is passed on, in bytes.
  private static let longest = 600
  private static let marks = ["Filesystem config update rejected: ", "Filesystem config update failure: "]

  static func size(ofLog path: String?) -> Int {
    var status = stat()
    guard let path, stat(path, &status) == 0 else { return 0 }
    return Int(status.st_size)
  }

  /// The reasons in what was logged after byte `offset`, or since the log was cut.
  static func reason(inLog path: String?, after offset: Int) -> String? {
    guard let path else { return nil }
    let size = size(ofLog: path)
    let start = size < offset ? 0 : offset
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: min(size - start, 256 << 10))
    let count = pread(file, &bytes, bytes.count, off_t(start))
    return count > 0 ? reason(in: String(decoding: bytes[..<count], as: UTF8.self)) : nil
  }

  /// Without the configuration that Envoy prints along with the reason: it may hold what must not be told.
  static func reason(in log: String) -> String? {
    var reasons: [String] = []
    var isDump = false
    for line in log.split(separator: "\n") {
      if let mark = marks.lazy.compactMap({ line.range(of: $0) }).first {
        let words = String(line[mark.upperBound...])
        isDump = words.contains(dump)
        reasons.append(shortened(words))
      } else if line.hasPrefix("[20") {
        isDump = false
      } else if isDump, line.hasPrefix(": "), let first = reasons.last {
        reasons[reasons.count - 1] = first + line
      }
    }
    let all = reasons.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }.joined(separator: "; ")
    return all.isEmpty ? nil : String(decoding: all.utf8.prefix(longest), as: UTF8.self)
  }

  /// What stands before a message in Envoy's text form: "goo.gle/debugonly" or "goo.gle/debugstr".
  private static let dump = "goo.gle/debug"

  /// The words of a reason before any configuration.
  static func shortened(_ words: String) -> String {
    var words = words[...]
    if let start = words.range(of: ": " + dump) ?? words.range(of: dump) { words = words[..<start.lowerBound] }
    // "Unable to parse JSON as proto (<why>): <the file>"
    if words.contains("Unable to parse JSON"), let end = words.range(of: "): ") {
      words = words[..<end.lowerBound] + ")"
    }
    // Envoy varies its spaces, so that nobody relies on the text.
    return words.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}
