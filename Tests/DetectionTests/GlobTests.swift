import Glibc
import SeededRandom
import Testing

@testable import Detection

@Suite("A glob pattern")
struct GlobTests {
  private func matches(_ text: [UInt8], _ pattern: [UInt8], ignoringCase: Bool = false) -> Bool {
    text.withUnsafeBytes { text in
      pattern.withUnsafeBytes { Glob.matches(text, pattern: $0, ignoringCase: ignoringCase) }
    }
  }

  private func matches(_ text: String, _ pattern: String, ignoringCase: Bool = false) -> Bool {
    matches(Array(text.utf8), Array(pattern.utf8), ignoringCase: ignoringCase)
  }

  @Test(
    "matches",
    arguments: [
      ("", ""), ("", "*"), ("", "***"), ("a", "a"), ("a", "?"), ("abc", "*"), ("abc", "a*"), ("abc", "*c"),
      ("abc", "a*c"), ("abc", "*b*"), ("/etc/passwd", "/etc/*"), ("/etc/a/b", "/*/b"), ("/etc/x", "*/x"),
      (".hidden", "*"), ("abcabc", "*abc"), ("aab", "*ab"), ("[", "["), ("[a", "[a"), ("a", "[a]"), ("b", "[a-c]"),
      ("d", "[!a-c]"), ("d", "[^a-c]"), ("]", "[]]"), ("-", "[a-]"), ("-", "[-a]"), ("]", "[]a]"), ("a", "[!]]"),
      ("*", "\\*"), ("a", "\\a"), ("\\", "\\\\"), ("a*", "a\\*"), ("5", "[[:digit:]]"), ("x", "[![:digit:]]"),
      ("_", "[[:alpha:]_]"), ("F", "[[:xdigit:]]"), (" ", "[[:space:]]"), ("!", "[[:punct:]]"), ("a1", "a[0-9]"),
      ("-", "[a\\-c]"), ("a]", "a]"), ("ab", "??"),
    ])
  func good(text: String, pattern: String) { #expect(matches(text, pattern)) }

  @Test(
    "does not match",
    arguments: [
      ("a", ""), ("", "?"), ("", "a"), ("ab", "a"), ("a", "ab"), ("abc", "a*b"), ("abc", "b*"), ("A", "a"),
      ("a", "[!a]"), ("d", "[a-c]"), ("b", "[a\\-c]"), ("", "[a]"), ("x", "[[:digit:]]"), ("5", "[![:digit:]]"),
      ("a", "\\"), ("", "\\"), ("a", "\\*"), ("abc", "??"), ("ab", "???"), ("a", "[]"), ("a", "[[:nope:]]"),
    ])
  func bad(text: String, pattern: String) { #expect(!matches(text, pattern)) }

  @Test("may ignore the case of letters") func ignoringCase() {
    #expect(matches("ABC", "a?c", ignoringCase: true))
    #expect(matches("abc", "A*C", ignoringCase: true))
    #expect(matches("B", "[a-c]", ignoringCase: true))
    #expect(matches("b", "[A-C]", ignoringCase: true))
    #expect(!matches("d", "[A-C]", ignoringCase: true))
    #expect(!matches("ä", "Ä", ignoringCase: true))
  }

  @Test(
    "in brackets ignores the case of letters and ranges, and not that of classes",
    arguments: [
      ("[A-Z]", "aczACZ"), ("[a-C]", "acAC"), ("[!A-C]", "zZ_@"), ("[@-B]", "aA_@"), ("[A-_]", ""), ("[Z-a]", ""),
      ("[\\A]", "aA"), ("[[:upper:]]", "ACZ"), ("[[:lower:]]", "acz"), ("[![:upper:]]", "acz_@"),
    ])
  func brackets(pattern: String, members: String) {
    #expect("aczACZ_@".filter { matches("\($0)", pattern, ignoringCase: true) } == members)
  }

  @Test("is the C library's, for any text", arguments: 0..<4 as Range<UInt64>) func differential(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let pieces = [
      "a", "b", "c", "A", "B", "/", ".", "-", "*", "?", "[ab]", "[!b]", "[a-c]", "[]a]", "\\*", "\\a", "\\A",
      "[[:alpha:]]", "**", "[A-C]", "[!A-C]", "[Z-a]", "[[:upper:]]", "[![:lower:]]", "[A-_]", "[_-b]",
    ]
    let letters = Array("abcABC_/.-*?[]".utf8)
    // FNM_CASEFOLD, which is an extension of the GNU library.
    let caseFold: Int32 = 1 << 4
    for _ in 0..<5_000 {
      let pattern = (0..<Int.random(in: 0...8, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
        .joined()
      let text = (0..<Int.random(in: 0...8, using: &random)).map { _ in letters.randomElement(using: &random) ?? 0x61 }
      let word = String(decoding: text, as: UTF8.self)
      #expect(matches(text, Array(pattern.utf8)) == (fnmatch(pattern, word, 0) == 0), "\(pattern) \(word)")
      #expect(
        matches(text, Array(pattern.utf8), ignoringCase: true) == (fnmatch(pattern, word, caseFold) == 0),
        "\(pattern) \(word)")
    }
  }

  @Test("takes bytes that are no text") func bytes() {
    #expect(matches([0xff, 0x00, 0xfe], Array("???".utf8)))
    #expect(matches([0xff, 0x00, 0xfe], [0xff, 0x2a]))
    #expect(matches([0x2f, 0xff], [0x2f, 0x5b, 0x80, 0x2d, 0xff, 0x5d]))
  }

  @Test("never crashes and never takes long", .timeLimit(.minutes(1))) func hostile() {
    var random = SplitMix64(seed: 9)
    let letters = Array("a[]!^-:\\*?".utf8) + Array("[:".utf8) + Array(":]".utf8)
    for _ in 0..<20_000 {
      let pattern = (0..<Int.random(in: 0...14, using: &random)).map { _ in letters.randomElement(using: &random) ?? 0 }
      let text = (0..<Int.random(in: 0...6, using: &random)).map { _ in letters.randomElement(using: &random) ?? 0 }
      _ = matches(text, pattern)
      _ = matches(text, pattern, ignoringCase: true)
    }
    let long = [UInt8](repeating: 0x61, count: 20_000)
    let stars = Array(String(repeating: "*a", count: 120).utf8) + [0x62]
    #expect(!matches(long, stars))
    #expect(!matches(long, Array(String(repeating: "*", count: 255).utf8) + [0x62]))
  }
}
