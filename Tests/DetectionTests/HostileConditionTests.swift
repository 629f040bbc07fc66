import SeededRandom
import Testing

@testable import Detection

@Suite("A condition from anybody")
struct HostileConditionTests {
  private static let tokens = [
    "and", "or", "not", "not(", "(", ")", " ", "\"", "'", "\\", "\n", "\r", "=", "==", "!=", "<", "<=", ">", "in",
    "intersects", "pmatch", "exists", "contains", "startswith", "oneof", "anyof", "allof", "val(", "tolower(", "len(",
    "join(", "concat(", "getopt(", "b64(", "proc.name", "fd.ip", "evt.type", "evt.arg", "fd.types", "a", "[0]",
    "[\"x\"]", "[", "]", ",", "5", "-1", "0x1F", "1e+3", ".", "é", "\u{0}", "\u{8}", "\\x41", "regex", "bcontains",
  ]

  @Test("is read or refused, at a place that it has", arguments: 0..<4 as Range<UInt64>) func random(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var accepted = 0
    for _ in 0..<5_000 {
      let text = (0..<Int.random(in: 1...9, using: &random)).map { _ in
        (Self.tokens.randomElement(using: &random) ?? "") + (Bool.random(using: &random) ? " " : "")
      }.joined()
      do throws(ConditionSyntaxError) {
        let expression = try ConditionParser.parse(text)
        accepted += 1
        _ = expression.description
        var builder = GraphBuilder()
        _ = try? builder.build(expression)
        _ = try? EventTypeAnalysis().types(of: expression)
      } catch {
        #expect((0...text.utf8.count).contains(error.position.offset), "\(text)")
        let lines = text.utf8.prefix(error.position.offset).split(
          omittingEmptySubsequences: false, whereSeparator: { $0 == 0x0a || $0 == 0x0d })
        #expect(error.position.line == lines.count, "\(text)")
        #expect(error.position.column == (lines.last?.count ?? 0) + 1, "\(text)")
      }
    }
    #expect(accepted > 10)
  }

  @Test("of one kind of byte only ends soon", .timeLimit(.minutes(1)))
  func repeated() {
    for byte in UInt8(0)...127 {
      _ = try? ConditionParser.parse(String(repeating: Character(Unicode.Scalar(byte)), count: 50_000))
    }
    for text in ["not ", "(", "a.b=c or ", "a.b in (", "\"\\", "a.", "a.b[", "x,", "tolower(", "(a and "] {
      _ = try? ConditionParser.parse(String(repeating: text, count: 20_000))
    }
  }

  @Test("with a value of a megabyte is refused") func longValue() {
    let value = String(repeating: "x", count: 1 << 20)
    #expect(LoadedRules.objection(to: "proc.name = \(value)")?.hasPrefix("filter parameter too long") == true)
    #expect(LoadedRules.objection(to: "evt.type = open and \(value)")?.hasPrefix("Undefined macro") == true)
  }

  @Test("with NUL bytes is no condition, or one with no such value") func nul() {
    for condition in ["proc.name = \"a\\x00b\"", "proc.name in (a, \"\\x00\")", "fd.name contains \"\\x00\""] {
      #expect(
        LoadedRules.objection(to: condition) == "filter error: filter value cannot contain a NUL byte (\\x00)")
    }
    #expect(throws: ConditionSyntaxError.self) { try ConditionParser.parse("proc.name = \"a\u{0}b\"") }
    #expect(throws: ConditionSyntaxError.self) { try ConditionParser.parse("\u{0}") }
  }

  @Test(
    "with an expression that RE2 refuses is refused",
    arguments: ["(", "[", "a{1001}", "\\\\", "*", "(?=a)", "((a{100}){100}){100}", "\\\\1"])
  func expressions(pattern: String) {
    let message = LoadedRules.objection(to: "proc.name regex \"\(pattern)\"") ?? ""
    #expect(message.hasPrefix("invalid regex pattern: ") || message.hasPrefix("expected a string value"), "\(message)")
  }
}
