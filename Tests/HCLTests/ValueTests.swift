import HCL
import Testing

@Suite("An HCL value") struct ValueTests {
  @Test(
    "is a number, and exact when it is whole",
    arguments: [
      ("0", .int(0)), ("-0", .int(0)), ("12", .int(12)), ("9223372036854775807", .int(.max)),
      ("-9223372036854775808", .int(.min)), ("9007199254740993", .int(9_007_199_254_740_993)),
      ("1.0", .double(1)), ("-0.25", .double(-0.25)), ("1e3", .double(1000)), ("0e1", .double(0)),
      ("2E+2", .double(200)), ("1.5e-1", .double(0.15)), ("1e308", .double(1e308)),
    ] as [(String, HCLValue)])
  func number(text: String, expected: HCLValue) throws {
    #expect(try value(text) == expected)
  }

  @Test(
    "is true, false or nothing",
    arguments: [("true", .bool(true)), ("false", .bool(false)), ("null", .null)] as [(String, HCLValue)])
  func literal(text: String, expected: HCLValue) throws {
    #expect(try value(text) == expected)
    #expect(try value("[\(text)]") == .list([expected]))
  }

  @Test(
    "is quoted text with escapes",
    arguments: [
      (#""""#, ""), (#""a # b // c /* d""#, "a # b // c /* d"), (#""\n\r\t\"\\""#, "\n\r\t\"\\"),
      (#""\u00e9\u0041\U0001F99E\u0000""#, "éA🦞\0"), (#""\u00e91""#, "é1"), ("\"\ta ä 🦞\"", "\ta ä 🦞"),
      (#""$ % $$ %% {} $a{ {{identity.entity.id}}""#, "$ % $$ %% {} $a{ {{identity.entity.id}}"),
      (#""$\u007ba} %\u007b""#, "${a} %{"), (#""\\u0041 \\n""#, #"\u0041 \n"#),
    ])
  func quoted(text: String, expected: String) throws {
    #expect(try value(text) == .string(expected))
  }

  /// The second to the fourth are fixtures of HCL 1: multiline, multiline_indented, multiline_no_hanging_indent.
  @Test(
    "is a heredoc, whose indentation goes as OpenBao takes it away",
    arguments: [
      ("<<EOT\nEOT", ""), ("<<EOF\nbar\nbaz\nEOF", "bar\nbaz\n"),
      ("<<-EOF\n        bar\n        baz\n      EOF", "  bar\n  baz\n"),
      ("<<-EOF\n  baz\n    bar\n      foo\n      EOF", "  baz\n    bar\n      foo\n"),
      ("<<-EOT\n  a\n\n  b\n  EOT", "  a\n\n  b\n"), ("<<-EOT\n  a\n  \n   b\n  EOT", "a\n\n b\n"),
      ("<<-EOT\n\ta\n\t\tb\n\tEOT", "a\n\tb\n"), ("<<-EOT\n  a\n\tEOT", "  a\n"), ("<<-EOT\n EOT", ""),
      ("<<E_1\n  E_1x\n E_1,\n xE_1\nE_1", "  E_1x\n E_1,\n xE_1\n"), ("<<E\n\\n \"x\" # y\nE", "\\n \"x\" # y\n"),
      ("<<E\r\na\r\n\r\nE\r", "a\n\n"), ("<<E\n{{identity}} $ % $$ é\nE", "{{identity}} $ % $$ é\n"),
      ("<<-E\n  \u{301}a\n  E", "\u{301}a\n"),
    ])
  func heredoc(text: String, expected: String) throws {
    #expect(try value(text) == .string(expected))
  }

  @Test(
    "is a list or an object, with comments and line breaks",
    arguments: [
      ("[]", .list([])), ("[1, 2,]", .list([.int(1), .int(2)])),
      ("[\n1 # a\n, // b\n[2] /* c */\n]", .list([.int(1), .list([.int(2)])])),
      ("[<<A\nx\nA\n, 1]", .list([.string("x\n"), .int(1)])), ("{}", .object([:])),
      ("{ a = 1, \"b c\": 2, }", .object(["a": .int(1), "b c": .int(2)])),
      ("{\n a = 1 # a\n\n b = 2,\n c = {}}", .object(["a": .int(1), "b": .int(2), "c": .object([:])])),
      ("{ a = <<A\nx\nA\n b = 1 }", .object(["a": .string("x\n"), "b": .int(1)])),
      ("{ \"true\" = null, null = true }", .object(["true": .null, "null": .bool(true)])),
    ] as [(String, HCLValue)])
  func collection(text: String, expected: HCLValue) throws {
    #expect(try value(text) == expected)
  }
}
