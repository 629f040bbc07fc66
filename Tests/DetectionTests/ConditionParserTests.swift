import Testing

@testable import Detection

@Suite("The parser of conditions")
struct ConditionParserTests {
  @Test("accepts what Falco accepts, and reads it alike", arguments: accepted)
  func accepts(condition: String, printed: String) throws {
    #expect(try ConditionParser.parse(condition).description == printed)
  }

  @Test("refuses what Falco refuses, at the same place, in the same words", arguments: refused)
  func refuses(_ case: Refused) throws {
    let error = try #require(throws: ConditionSyntaxError.self) { try ConditionParser.parse(`case`.condition) }
    #expect(error.position.line == `case`.line)
    #expect(error.position.column == `case`.column)
    #expect(error.message.hasPrefix(`case`.message))
  }

  @Test("counts lines")
  func lines() throws {
    let error = try #require(throws: ConditionSyntaxError.self) {
      try ConditionParser.parse("proc.name = a\n  and\n  user.uid >")
    }
    #expect(error.position.line == 3)
    #expect(error.position.column == 13)
  }

  @Test("ends at a depth, whatever nests")
  func depth() throws {
    for text in [
      String(repeating: "(", count: 100_000), String(repeating: "not(", count: 100_000),
      String(repeating: "tolower(", count: 100_000), "a or " + String(repeating: "(a or ", count: 100_000),
    ] {
      let error = try #require(throws: ConditionSyntaxError.self) { try ConditionParser.parse(text) }
      #expect(error.message == "exceeded max depth limit of 1000")
    }
    // Not nested, only long.
    _ = try ConditionParser.parse(String(repeating: "not ", count: 10_000) + "a")
    _ = try ConditionParser.parse(Array(repeating: "a.b = c", count: 10_000).joined(separator: " or "))
  }

  struct Refused: Sendable {
    var condition: String
    var line: Int
    var column: Int
    var message: String

    init(_ condition: String, _ line: Int, _ column: Int, _ message: String) {
      (self.condition, self.line, self.column, self.message) = (condition, line, column, message)
    }
  }

  static let accepted: [(String, String)] = [
    (#"proc.name = sh"#, #"proc.name = sh"#),
    (#"proc.name=sh"#, #"proc.name = sh"#),
    (#"proc.name==sh and not user.uid>=1000"#, #"(proc.name == sh and not user.uid >= 1000)"#),
    (#"not not proc.name exists"#, #"proc.name exists"#),
    (#"not(proc.name exists)"#, #"not proc.name exists"#),
    (#"not not not agent_macro"#, #"not agent_macro"#),
    (#"shell_started or(evt.type in (execve, execveat))"#, #"(shell_started or evt.type in (execve, execveat))"#),
    (#"a and(b)or(c and d)"#, #"((a and b) or (c and d))"#),
    (#"(a or b) and c or d"#, #"(((a or b) and c) or d)"#),
    (#"fd.name in ()"#, #"fd.name in ()"#),
    (#"fd.name in ( "/etc/a b" , '/etc/c', plain)"#, #"fd.name in ("/etc/a b", /etc/c, plain)"#),
    (#"fd.name pmatch (/etc, /usr/lib)"#, #"fd.name pmatch (/etc, /usr/lib)"#),
    (#"evt.type in listname"#, #"evt.type in listname"#),
    (#"evt.type intersects(open)"#, #"evt.type intersects (open)"#),
    (#"fd.name startswith oneof (/a, /b)"#, #"fd.name startswith oneof (/a, /b)"#),
    (#"fd.name != allof names_list"#, #"fd.name != allof names_list"#),
    (#"proc.name contains anyof"#, #"proc.name contains anyof"#),
    (#"proc.name = oneof and x"#, #"(proc.name = oneof and x)"#),
    (#"proc.name = "say \"hi\"""#, #"proc.name = "say \"hi\"""#),
    (#"proc.name = 'it\'s'"#, #"proc.name = "it's""#),
    (#"proc.name = "tab\tnew\x41""#, #"proc.name = "tab\tnewA""#),
    (#"proc.name = "old\ style""#, #"proc.name = "old\\style""#),
    (#"fd.name[0] = x"#, #"fd.name[0] = x"#),
    (#"proc.env["MY VAR"] = 1"#, #"proc.env["MY VAR"] = 1"#),
    (#"proc.env[HOME] exists"#, #"proc.env[HOME] exists"#),
    (#"proc.aname[2] in (a, b)"#, #"proc.aname[2] in (a, b)"#),
    (#"tolower(proc.name) = sh"#, #"tolower(proc.name) = sh"#),
    (#"tolower( toupper( proc.name ) ) contains A"#, #"tolower(toupper(proc.name)) contains A"#),
    (#"basename(proc.exepath) in (sh, bash)"#, #"basename(proc.exepath) in (sh, bash)"#),
    (#"len(proc.args) > 0x1f"#, #"len(proc.args) > 0x1f"#),
    (#"fd.num >= -3.5e+2"#, #"fd.num >= -3.5e+2"#),
    (#"join(",", (proc.name, "x", 3)) = y"#, #"join(,,(proc.name,x,3)) = y"#),
    (#"concat(proc.name, "/", proc.pname) glob a*"#, #"concat(proc.name,/,proc.pname) glob a*"#),
    (#"getopt(("-a", proc.name), "a:")[a] exists"#, #"getopt((-a,proc.name),a:)[a] exists"#),
    (#"proc.name = val(proc.pname)"#, #"proc.name = val(proc.pname)"#),
    (#"proc.pid < val( proc.ppid )"#, #"proc.pid < val(proc.ppid)"#),
    (#"fd.name in tolower(proc.name)"#, #"fd.name in tolower(proc.name)"#),
    (#"fd.sport = 80and_more"#, #"fd.sport = 80and_more"#),
    (#"proc.name regex "^a.*b$" or x"#, #"(proc.name regex ^a.*b$ or x)"#),
    (#"evt.num=0"#, #"evt.num = 0"#),
    (#"proc.name = é"#, #"proc.name = é"#),
    (#"nothing_but_a_macro"#, #"nothing_but_a_macro"#),
  ]

  static let refused: [Refused] = [
    Refused(#""#, 1, 1, #"filter input string is empty"#),
    Refused(#"proc.name"#, 1, 10, #"expected a valid check operator"#),
    Refused(#"proc.name ="#, 1, 12, #"expected a string value or a field with a valid transformer"#),
    Refused(#"proc.name = and x"#, 1, 17, #"unexpected token after 'and', expecting 'or', 'and'"#),
    Refused(#"proc.name = "open"#, 1, 13, #"expected a string value or a field with a valid transformer"#),
    Refused(#"proc.name = "bad\q""#, 1, 20, #"unsupported string escape sequence: \q"#),
    Refused(#"proc.name = "mixed \' quote""#, 1, 29, #"invalid \' escape in "-quoted string"#),
    Refused(#"proc.name = "cut \x4""#, 1, 22, #"truncated hex char escape sequence"#),
    Refused(#"(proc.name = a"#, 1, 15, #"expected a ')' token"#),
    Refused(#"proc.name = a)"#, 1, 14, #"unexpected token after 'a', expecting 'or', 'and'"#),
    Refused(#"proc.name = a b"#, 1, 15, #"unexpected token after 'a', expecting 'or', 'and'"#),
    Refused(#"proc.name in (a,)"#, 1, 17, #"expected a string value"#),
    Refused(#"proc.name in (a b)"#, 1, 17, #"expected a ')' token"#),
    Refused(#"proc.name in "a""#, 1, 14, #"expected a list, an identifier, or a field with a valid transformer"#),
    Refused(#"proc.name startswithoneof (a)"#, 1, 11, #"expected a valid check operator"#),
    Refused(#"proc.name contains"a""#, 1, 11, #"expected a valid check operator"#),
    Refused(#"fd.num > abc"#, 1, 10, #"expected a number value or a field with a valid transformer"#),
    Refused(#"fd.num > "1""#, 1, 10, #"expected a number value or a field with a valid transformer"#),
    Refused(#"and x"#, 1, 5, #"unexpected token after 'and', expecting 'or', 'and'"#),
    Refused(#"a or"#, 1, 5, #"expected blank or '(' after 'or'"#),
    Refused(#"a and and b"#, 1, 11, #"unexpected token after 'and', expecting 'or', 'and'"#),
    Refused(#"a orb"#, 1, 5, #"expected blank or '(' after 'or'"#),
    Refused(#"proc.name exists = a"#, 1, 18, #"unexpected token after 'exists', expecting 'or', 'and'"#),
    Refused(#"proc..name = a"#, 1, 5, #"unexpected token after 'proc', expecting 'or', 'and'"#),
    Refused(#".proc = a"#, 1, 1, #"expected a '(' token, a field check, or an identifier"#),
    Refused(#"proc.name[ = a"#, 1, 11, #"expected a valid field argument: a quoted string or a bare string"#),
    Refused(#"proc.name[a b] = a"#, 1, 12, #"expected a ']' token"#),
    Refused(#"tolower(proc.name = a"#, 1, 19, #"expected a ')' token closing the transformer"#),
    Refused(
      #"tolower() = a"#, 1, 9,
      #"expected field transformer argument: field, transformer, quoted string, number, or transformer list"#),
    Refused(#"tolower (proc.name) = a"#, 1, 9, #"unexpected token after 'tolower', expecting 'or', 'and'"#),
    Refused(#"val(proc.name) = a"#, 1, 4, #"unexpected token after 'val', expecting 'or', 'and'"#),
    Refused(#"proc.name = val(tolower(proc.name))"#, 1, 17, #"expected a field within 'val' transformer"#),
    Refused(#"proc.name = val(x)"#, 1, 17, #"expected a field within 'val' transformer"#),
    Refused(
      #"join(a, b) = c"#, 1, 6,
      #"expected field transformer argument: field, transformer, quoted string, number, or transformer list"#),
    Refused(#"proc.name ~ a"#, 1, 11, #"expected a valid check operator"#),
    Refused(#"proc.name =!= a"#, 1, 13, #"unexpected token after '!', expecting 'or', 'and'"#),
    Refused(#"fd.name in (a, (b))"#, 1, 16, #"expected a string value"#),
    Refused(#"a;b"#, 1, 2, #"unexpected token after 'a', expecting 'or', 'and'"#),
  ]
}
