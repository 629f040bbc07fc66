import Foundation
import Glibc

/// The ways in which a text is written down by programs that do not mean to hide it: as it is, in base64 within longer
/// base64 (RFC 4648), in hexadecimal, in a URL (RFC 3986), in a string of JSON (RFC 8259).
struct Spellings: Hashable {
  let all: [[UInt8]]

  /// - Parameter text: is not empty; of a few characters some spellings are too short to tell anything, and are left out.
  init(_ text: String) {
    let bytes = Array(text.utf8)
    var spellings = [text, Self.url(text), Self.url(text).lowercased(), Self.json(text)]
    for upper in [false, true] {
      let digits = bytes.map { String(format: upper ? "%02X" : "%02x", $0) }
      spellings.append(digits.joined())
    }
    for offset in 0...2 {
      let inner = Self.base64(bytes, after: offset)
      spellings += [inner, inner.replacing("+", with: "-").replacing("/", with: "_")]
    }
    all = Array(Set(spellings.filter { $0.utf8.count >= min(8, bytes.count) })).map { Array($0.utf8) }
  }

  func isIn(_ text: [UInt8]) -> Bool { all.contains { Self.find($0, in: text) } }

  /// By the C library: a store may have hundreds of megabytes.
  static func find(_ spelling: [UInt8], in text: [UInt8]) -> Bool {
    text.withUnsafeBytes { find(spelling, in: $0) }
  }

  private static func find(_ spelling: [UInt8], in text: UnsafeRawBufferPointer) -> Bool {
    guard let start = text.baseAddress, let first = spelling.first else { return false }
    var place = 0
    while place + spelling.count <= text.count,
      let found = memchr(start + place, Int32(first), text.count - spelling.count + 1 - place)
    {
      if memcmp(found, spelling, spelling.count) == 0 { return true }
      place = found - UnsafeMutableRawPointer(mutating: start) + 1
    }
    return false
  }

  /// What is the same of the base64 of any text that has this one so many bytes after a multiple of three.
  private static func base64(_ bytes: [UInt8], after offset: Int) -> String {
    let whole = Data([UInt8](repeating: 0, count: offset) + bytes).base64EncodedString()
    let (first, last) = ((offset * 8 + 5) / 6, (offset + bytes.count) * 8 / 6)
    return String(whole.prefix(last).dropFirst(first))
  }

  /// All but letters and digits by their numbers.
  private static func url(_ text: String) -> String {
    text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? text
  }

  private static func json(_ text: String) -> String {
    // What is no JSON is looked for as it is.
    (try? JSONEncoder().encode(text)).map { String(decoding: $0, as: UTF8.self) }.map {
      String($0.dropFirst().dropLast())
    }
      ?? text
  }
}
