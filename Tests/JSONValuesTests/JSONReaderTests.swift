import Foundation
import SeededRandom
import Testing

@testable import JSONValues

@Suite("A text of JSON") struct JSONReaderTests {
  private func value(_ text: String) throws -> JSON { try JSON(Array(text.utf8)) }

  private static let readable: [(String, JSON)] = [
    (" [ ] ", JSON.array([])), (#"{"a":{"b":[1,2.5,true,null]}}"#, ["a": ["b": [1, 2.5, true, .null]]]),
    ("-0", 0), ("-9223372036854775808", .int(.min)), ("9223372036854775807", .int(.max)),
    ("9223372036854775808", .unsigned(9_223_372_036_854_775_808)), ("18446744073709551615", .unsigned(.max)),
    ("18446744073709551616", .double(18_446_744_073_709_551_616)),
    ("-9223372036854775809", .double(-9_223_372_036_854_775_808)), ("1e3", .double(1000)), ("1.0", .double(1)),
    (#""\u00e9\ud83d\ude00\/\n\"\\""#, "é😀/\n\"\\"), (#""\ud83dx""#, "\u{FFFD}x"), (#""\ud83d\u0041""#, "\u{FFFD}A"),
    (#"{"a":1,"a":2}"#, ["a": 2]), ("\t{\r\n}", .object([:])),
  ]

  @Test("is the value that it says", arguments: readable)
  func reads(text: String, expected: JSON) throws { #expect(try value(text) == expected) }

  @Test(
    "is refused, with the place, when it is none",
    arguments: [
      ("", 0), ("{", 1), ("[1,]", 3), ("[1 2]", 3), (#"{"a" 1}"#, 5), (#"{a:1}"#, 1), ("01", 2), ("1.", 2), ("-", 1),
      ("1e999", 5), ("tru", 0), ("nul", 0), ("\"\u{1}\"", 1), (#""\x""#, 3), (#""\u12g4""#, 5), ("\"abc", 4),
      ("1 1", 2),
      ("[}", 1), (#"{"a":1,}"#, 7), ("+1", 0), ("NaN", 0),
    ])
  func refuses(text: String, place: Int) {
    #expect(throws: JSONError(offset: place)) { try value(text) }
  }

  @Test("is refused when it is no UTF-8") func badBytes() {
    #expect(throws: JSONError.self) { try JSON([0x22, 0xC3, 0x28, 0x22]) }
    #expect(throws: JSONError.self) { try JSON([0x22, 0xED, 0xA0, 0x80, 0x22]) }
  }

  @Test("is refused when it is so deep that reading it would take the stack") func depth() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try value(nested(256))
    #expect(throws: JSONError(offset: 256)) { try value(nested(257)) }
    #expect(throws: JSONError.self) { try value(String(repeating: #"{"a":"#, count: 1_000_000)) }
  }

  @Test("is read again as it was written, whatever it holds") func roundTrip() throws {
    var random = SplitMix64(seed: 7)
    for _ in 0..<300 {
      let value = randomValue(depth: 0, &random)
      #expect(try JSON(value.bytes) == value)
      // Foundation reads it as well.
      let decoded = try JSONDecoder().decode(JSON.self, from: Data(value.bytes))
      #expect(decoded.text == value.text)
    }
  }

  @Test("may be passed over value by value, to the same place") func passing() throws {
    var random = SplitMix64(seed: 8)
    for _ in 0..<300 {
      let (first, second) = (randomValue(depth: 0, &random), randomValue(depth: 0, &random))
      var reader = JSONReader(JSON.array([first, second]).bytes)
      var values: [JSON] = []
      try reader.elements { (reader) throws(JSONError) in
        if values.isEmpty {
          try reader.pass()
          values.append(.null)
        } else {
          values.append(try reader.value())
        }
      }
      try reader.finish()
      #expect(values == [.null, second])
    }
    for text in ["", "]", "{", "\"a", "[\"", ","] {
      var reader = JSONReader(Array(text.utf8))
      #expect(throws: JSONError.self, "\(text)") { try reader.pass() }
    }
  }

  @Test("never ends the process, whatever is changed in it") func mutations() {
    var random = SplitMix64(seed: 9)
    let text = Array(#"{"kind":"List","items":[{"a":[1,-2.5e3,"x\u00e9\n"],"b":{}},null,true]}"#.utf8)
    for _ in 0..<5_000 {
      var bytes = text
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1 where bytes.count > 1: bytes.remove(at: place)
        default: bytes = Array(bytes[...place])
        }
      }
      if let value = try? JSON(bytes) { #expect((try? JSON(value.bytes)) == value) }
      var reader = JSONReader(bytes)
      // Whether it can be passed over is not asked here.
      try? reader.pass()
    }
  }

  @Test("becomes a document and is made of one") func documents() throws {
    struct Document: Codable, Equatable {
      var name: String
      var anything: JSON
      var count: Int?
    }
    let document = Document(name: "a/b", anything: ["x": [1, "two", .null]], count: 3)
    let json = try JSON(encoding: document)
    #expect(json == ["name": "a/b", "anything": ["x": [1, "two", .null]], "count": 3])
    #expect(try json.decoded(as: Document.self) == document)
  }

  private func randomValue(depth: Int, _ random: inout SplitMix64) -> JSON {
    switch Int.random(in: 0..<(depth > 4 ? 5 : 7), using: &random) {
    case 0: return .null
    case 1: return .bool(.random(using: &random))
    case 2: return .int(Int.random(in: .min ... .max, using: &random))
    case 3: return .double(Double.random(in: -1e9...1e9, using: &random))
    case 4: return .string(randomText(&random))
    case 5:
      return .array((0..<Int.random(in: 0...4, using: &random)).map { _ in randomValue(depth: depth + 1, &random) })
    default:
      let members = (0..<Int.random(in: 0...4, using: &random)).map { _ in
        (randomText(&random), randomValue(depth: depth + 1, &random))
      }
      return .object(Dictionary(members) { first, _ in first })
    }
  }

  private func randomText(_ random: inout SplitMix64) -> String {
    let scalars: [Unicode.Scalar] = [
      "a", "\"", "\\", "\n", "\u{0}", "\u{1F}", "é", "😀", "/", "\u{2028}", "]", "{", " ",
    ]
    var text = ""
    for _ in 0..<Int.random(in: 0...12, using: &random) {
      text.unicodeScalars.append(scalars.randomElement(using: &random) ?? "x")
    }
    return text
  }
}
