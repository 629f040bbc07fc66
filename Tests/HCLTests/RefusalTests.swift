import Faults
import HCL
import Testing

@Suite("A text that is not HCL, or not of our part of it") struct RefusalTests {
  @Test(
    "is refused with its place, what was found and what was expected",
    arguments: [
      // Structure.
      ("a", "1:2: found the end of the file, expected '=', a label or '{'"),
      ("a b", "1:4: found the end of the file, expected a label or '{'"),
      ("a \"b\" = 1", "1:7: found '=', expected a label or '{'"),
      ("a : 1", "1:3: found ':', expected '=', a label or '{'"),
      ("\"a\" = 1", "1:1: found a quoted text, expected an attribute or a block"),
      ("{}", "1:1: found '{', expected an attribute or a block"),
      ("true = 1", "1:1: found 'true', expected an attribute or"),
      ("a = 1 b = 2", "1:7: found 'b', expected the end of the line"),
      ("a = 1,", "1:6: found ',', expected the end"),
      (
        "a = 1\n\n  b {\n c = 1",
        "4:7: found the end of the file, expected an attribute or a block, or '}' for the '{' of line 3;"
      ),
      ("a {\n b = 1 }", "2:8: found '}', expected the end of the line"),
      ("a {} b {}", "1:6: found 'b', expected the end"),
      ("a { b = 1, c = 2 }", "1:10: found ',', expected '}'"),
      ("a { b {} }", "1:7: found '{', expected '='"),
      ("a = 1\nb = 2\na = 3", "3:1: found 'a' a second time, expected each name once"),
      ("a = 1\na {}", "2:1: found 'a' a second time"),
      ("a {}\na = 1", "2:1: found 'a' a second time"),
      ("é = 1", "1:1: found '\\u{00E9}', expected an attribute or a block"),
      ("/* a\n", "1:1: found a comment without its end"),
      ("a = 1 /", "1:7: found '/', expected the end of the line"),
      ("}", "1:1: found '}', expected an attribute or a block"),
      // Expressions.
      ("a = b", "1:5: found the reference 'b', expected a value"),
      ("a = b.c", "1:5: found the reference 'b', expected"),
      ("a = file(\"x\")", "1:5: found the function 'file', expected a value"),
      ("a = (1)", "1:5: found '(', expected a value"),
      ("a = 1 + 2", "1:7: found '+', expected the end of the line"),
      ("a = !true", "1:5: found '!', expected a value"),
      ("a = true ? 1 : 2", "1:10: found '?', expected the end"),
      ("a = [1][0]", "1:8: found '[', expected the end"),
      ("a = [for x in y : x]", "1:6: found the reference 'for'"),
      ("a = {for k, v in y : k => v}", "1:10: found 'k', expected '='"),
      ("a = { (b) = 1 }", "1:7: found '(', expected a key or '}'"),
      ("a == 1", "1:4: found '=', expected a value"),
      ("a = \"b\" \"c\"", "1:9: found a quoted text, expected the end of the line"),
      // Values.
      ("a =", "1:4: found the end of the file, expected a value on this line"),
      ("a = 'b'", "1:5: found ''', expected a value"),
      ("a =\n1", "1:4: found the end of the line, expected a value on this line"),
      ("a = [1\n2]", "2:1: found '2', expected ',' or ']'"),
      ("a = [,]", "1:6: found ',', expected a value"),
      ("a = [1,,2]", "1:8: found ',', expected a value"),
      ("a = [", "1:6: found the end of the file, expected a value"),
      ("a = { b = 1 c = 2 }", "1:13: found 'c', expected ',', '}' or the end of the line"),
      ("a = { b = 1,, }", "1:13: found ',', expected a key or '}'"),
      ("a = { b { } }", "1:9: found '{', expected '=' or ':'"),
      ("a = { b\n= 1 }", "1:8: found the end of the line, expected '=' or ':'"),
      ("a = { 1 = 2 }", "1:7: found '1', expected a key"),
      ("a = {\n b = 1\n \"b\" = 2\n}", "3:2: found 'b' a second time"),
      ("a = { true = 1 }", "1:7: found 'true', expected a key"),
      ("a = {", "1:6: found the end of the file, expected a key or '}'"),
      // Numbers.
      ("a = 010", "1:5: found a number that starts with 0"),
      ("a = -00.5", "1:5: found a number that starts with 0"),
      ("a = 0x1F", "1:6: found 'x1F', expected the end of the number"),
      ("a = 5m", "1:6: found 'm', expected the end of the n"),
      ("a = 1.", "1:7: found the end of the file, expected a digit"),
      ("a = .5", "1:5: found '.', expected a value"),
      ("a = 1e", "1:7: found the end of the file, expected a digit"),
      ("a = - 1", "1:6: found ' ', expected a digit"),
      ("a = +1", "1:5: found '+', expected a value"),
      ("a = 1-2", "1:6: found '-', expected the end of the number"),
      ("a = 1.2.3", "1:8: found '.', expected the end of the number"),
      ("a = 1_000", "1:6: found '_000', expected the end"),
      ("a = 9223372036854775808", "1:5: found a number that does not fit 64 bits"),
      ("a = 1e999", "1:5: found a number that does not fit 64 bits"),
      // Quoted text.
      ("a = \"b", "1:5: found a quoted text that does not end on its line, expected '\"'"),
      ("a = \"b\nc\"", "1:5: found a quoted text that does not end on its line"),
      ("a = \"b\\", "1:7: found an unknown escape"),
      ("a = \"\\x41\"", "1:6: found an unknown escape"),
      ("a = \"\\$\"", "1:6: found an unknown escape"),
      ("a = \"\\u12\"", "1:6: found an escape of no character, expected 4"),
      ("a = \"\\uD83E\"", "1:6: found an escape of no"),
      ("a = \"\\U00110000\"", "1:6: found an escape of no character, expected 8"),
      ("a = \"\\u+123\"", "1:6: found an escape of"),
      ("a = \"é${b}\"", "1:7: found the template '${', expected plain text; write $\\u007b for a plain '${'"),
      ("a = \"%{ if b }\"", "1:6: found the template '%{', expected plain text"),
      ("a = \"$${b}\"", "1:6: found '$${', which HCL 2 reads as '${' and OpenBao as it stands, expected plain text"),
      ("a = \"%%{b}\"", "1:6: found '%%{', which HCL 2 reads as '%{'"),
      ("a \"${b}\" {}", "1:4: found the template '${'"),
      // Heredocs.
      ("a = <<EOT\n x ${b}\nEOT\n", "2:4: found the template '${', expected plain text; write the text in quotes"),
      ("a = <<EOT\nx\nEOT", "1:5: found a text without its end, expected a line with only 'EOT' and a line break"),
      ("a = <<EOT\nx\n", "1:5: found a text without its end"),
      ("a = <<\n", "1:7: found the end of the line, expected a marker"),
      ("a = << EOT\n", "1:7: found ' ', expected a marker"),
      ("a = <<EOT x\n", "1:10: found ' ', expected a marker"),
      ("a = <<1\n1\n", "1:8: found the end of the line, expected a marker"),
      ("a = <b", "1:5: found '<', expected a value"),
      ("a = <<EOT\nx\n  EOT\n", "3:1: found '  EOT', expected it without indentation"),
      ("a = <<-EOT\n  x\nEOT\n", "3:1: found 'EOT', expected it indented"),
      ("a { b = <<E\nE\n}", "2:2: found the end of the line, expected '}'"),
      // Characters.
      ("\u{FEFF}a = 1", "1:1: found the character '\\u{FEFF}', expected plain text"),
      ("a = 1\n# \0", "2:3: found the character '\\0', expected plain text"),
      ("a = 1\rb = 2", "1:6: found the character '\\r', expected plain text"),
      ("a = \"\u{7F}\"", "1:6: found the character '\\u{7F}', expected plain text"),
      ("a = \"\u{1B}[1m\"", "1:6: found the character '\\u{1B}', expected plain text"),
    ] as [(String, String)])
  func refused(text: String, description: String) throws {
    let fault = try #require(throws: Fault.self) { try HCLDocument(parsing: text, file: "f.hcl") }
    #expect(fault.code == .invalid)
    #expect(fault.description.hasPrefix("cannot read f.hcl:\(description)"), "\(fault)")
    #expect(!fault.remedy.isEmpty)
  }

  @Test("is named in an error with bounded length and no control characters") func shown() throws {
    let key = "\"" + String(repeating: "\\u001b", count: 100) + "\""
    let name = String(repeating: "b", count: 40)
    let whole = try #require(throws: Fault.self) { try HCLDocument(parsing: "a = \(name)", file: "f.hcl") }
    #expect(whole.reason == "found the reference '\(name)', expected a value")
    let cut = try #require(throws: Fault.self) { try HCLDocument(parsing: "a = \(name)b", file: "f.hcl") }
    #expect(cut.reason == "found the reference '\(name)…', expected a value")
    for text in ["a = {\(key) = 1, \(key) = 2}", "a = \(String(repeating: "b", count: 100_000))"] {
      let fault = try #require(throws: Fault.self) { try HCLDocument(parsing: text, file: "f.hcl") }
      #expect(fault.description.contains("…'"))
      #expect(fault.description.utf8.count < 600)
      #expect(fault.description.utf8.allSatisfy { $0 >= 0x20 })
    }
  }

  @Test("keeps quoted text out of the error") func secrets() throws {
    for after in ["", "\" +", "\\q\"", "${\"", "\" 1]", "\nb"] {
      let text = "a = [\"hunter2\(after)"
      let fault = try #require(throws: Fault.self) { try HCLDocument(parsing: text, file: "f.hcl") }
      #expect(!fault.description.contains("hunter2"))
    }
  }
}
