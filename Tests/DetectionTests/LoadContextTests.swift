import Testing

@testable import Detection

@Suite("The place of a problem in rules")
struct LoadContextTests {
  private func problem(in text: String) throws -> LoadResult.Problem<LoadResult.ErrorCode> {
    var loader = RuleLoader()
    return try #require(loader.load(text, file: "a.yaml").errors.first)
  }

  @Test("is in a macro's condition, whatever its lines are in the file") func macro() throws {
    let text = """
      - macro: m
        condition: >
          evt.type = open and
          (proc.name = a
      - rule: r
        desc: d
        priority: INFO
        output: o
        condition: m

      """
    let error = try problem(in: text)
    #expect(error.message == "expected a ')' token")
    #expect(
      "\(error.context)" == """
        In rules content: (a.yaml:0:0)
            macro 'm': (a.yaml:0:2)
            macro condition: (a.yaml:1:13)
            condition expression: ("evt.type = open a...":3:14)

        """)
    #expect(
      error.context.snippet(of: text) == """
        evt.type = open and (proc.name = a
                                         ^

        """)
  }

  @Test("is in an output") func output() throws {
    let text = """
      - list: names
        items: [a, b]
      - rule: quite a rule
        desc: d
        priority: INFO
        output: "a %nope b"
        condition: evt.type = open and proc.name in (names)
      """
    let error = try problem(in: text)
    #expect(
      "\(error.context)" == """
        In rules content: (a.yaml:0:0)
            rule 'quite a rule': (a.yaml:2:2)
            rule output: (a.yaml:5:10)

        """)
    #expect(
      error.context.snippet(of: text) == """
          output: "a %nope b"
                  ^

        """)
  }

  @Test("is in an exception, down to the value") func exception() throws {
    let text = """
      - rule: r
        desc: d
        priority: INFO
        output: o
        condition: evt.type = open
        exceptions:
          - name: e
            fields: [proc.name, fd.name]
            values:
              - [a, b]
              - [[a, b], ""]
      """
    let error = try problem(in: text)
    #expect(error.message == "Value must be non-empty")
    #expect(
      "\(error.context)" == """
        In rules content: (a.yaml:0:0)
            rule 'r': (a.yaml:0:2)
            exception 'e': (a.yaml:6:6)
            exception values: (a.yaml:9:8)
            exception value: (a.yaml:10:10)
            value for: (a.yaml:10:10)
            exception: (a.yaml:10:19)
            value for: (a.yaml:10:19)

        """)
    #expect(
      error.context.snippet(of: text) == """
                - [[a, b], ""]
                           ^

        """)
  }

  @Test("is in a value of another kind") func value() throws {
    let text = """
      - rule: r
        desc: d
        priority: INFO
        output: o
        condition: evt.type = open
      - rule: r
        desc:
          - x
        override:
          desc: replace
      """
    let error = try problem(in: text)
    #expect(error.context.description.hasSuffix("    value for 'desc': (a.yaml:7:4)\n"))
    #expect(error.context.snippet(of: text) == "    - x\n    ^\n")
  }

  @Test("of a value that is left out is where what follows it begins", arguments: ["\n", "\r\n", "\r"])
  func leftOut(end: String) throws {
    let list = try problem(in: "- list: é\n  items: # none\n\n\n- macro: m\n".replacing("\n", with: end))
    #expect(list.message == "Value is not a sequence")
    #expect(list.context.description.hasSuffix("    value for 'items': (a.yaml:4:0)\n"))
    let last = try problem(in: "- list: é\n  items:".replacing("\n", with: end))
    #expect(last.context.description.hasSuffix("    value for 'items': (a.yaml:1:8)\n"))
  }

  @Test("in characters that only some take for line ends is refused", arguments: ["\u{85}", "\u{2028}", "\u{2029}"])
  func rareBreak(character: String) throws {
    let error = try problem(in: "- list: l\n  items: [\"a\(character)b\"]\n")
    #expect(error.code == .yamlParse && error.message.hasPrefix("line 2 has a U+"))
  }

  @Test("does not count a byte order mark") func byteOrderMark() throws {
    let error = try problem(in: "\u{feff}- list: l\n")
    #expect(error.context.description.hasSuffix("    list 'l': (a.yaml:0:2)\n"))
  }

  @Test("in an earlier file is shown from that file") func earlierFile() throws {
    let (first, second) = ("# a line of the first\n- {list: unused, items: [a]}\n", Self.rule("evt.type = open"))
    var loader = RuleLoader()
    _ = loader.load(first, file: "1.yaml")
    let result = loader.load(second, file: "2.yaml")
    #expect(result.warnings.map(\.context.file) == ["1.yaml"])
    let report = result.report(["1.yaml": first, "2.yaml": second])
    #expect(report.contains("------\n- {list: unused, items: [a]}\n"))
    let snippets = result.jsonReport(["1.yaml": first, "2.yaml": second]).warnings.map(\.context.snippet)
    #expect(snippets == ["- {list: unused, items: [a]}\n  ^\n"])
  }

  @Test("in a long line is shown with what is around it") func long() throws {
    let filler = String(repeating: "x", count: 200)
    let behind = try problem(in: Self.rule("evt.type = open and proc.name = \"\(filler)\" and nope"))
    #expect(
      behind.context.snippet(of: "") == "..." + String(repeating: "x", count: 69) + "\" and nope\n"
        + String(repeating: " ", count: 80) + "^\n")
    let before = try problem(in: Self.rule("evt.type = open and nope and proc.name = \"\(filler)\""))
    #expect(
      before.context.snippet(of: "")
        == "evt.type = open and nope and proc.name = \"" + String(repeating: "x", count: 58) + "...\n"
        + String(repeating: " ", count: 22) + "^\n")
  }

  @Test("is shown with its whole line when that begins or ends just where it would be cut") func edges() {
    func snippet(_ text: String, at offset: Int) -> String {
      var position = TextPosition()
      position.offset = offset
      return LoadContext(file: "a.yaml").inside(condition: text, at: position).snippet(of: "")
    }
    func filler(_ count: Int) -> String { String(repeating: "x", count: count) }
    func mark(_ distance: Int) -> String { String(repeating: " ", count: distance) + "^\n" }
    #expect(snippet("\n" + filler(79) + "y", at: 80) == filler(79) + "y\n" + mark(79))
    #expect(snippet("\n" + filler(80) + "y", at: 81) == "..." + filler(77) + "y\n" + mark(80))
    #expect(snippet(filler(80) + "y", at: 80) == "..." + filler(77) + "y\n" + mark(80))
    #expect(snippet("y" + filler(79) + "\nz", at: 0) == "y" + filler(79) + "\n" + mark(0))
    #expect(snippet("y" + filler(80) + "\nz", at: 0) == "y" + filler(77) + "...\n" + mark(0))
    #expect(snippet("y" + filler(80), at: 0) == "y" + filler(77) + "...\n" + mark(0))
  }

  private static func rule(_ condition: String) -> String {
    """
    - rule: r
      desc: d
      priority: INFO
      output: o
      condition: \(condition)
    """
  }

  @Test("may be shown of any text, also one that it is not from") func anyText() throws {
    let error = try problem(in: "a: b")
    #expect(error.context.snippet(of: "a: b") == "a: b\n^\n")
    #expect(error.context.snippet(of: "") == "<No context available>\n")
    for text in ["\n", "\n\n\n", "a\n", "\na", "é", String(repeating: "é", count: 1_000), "\0"] {
      for width in [0, 1, 2, 5, 160] { _ = error.context.snippet(of: text, width: width) }
    }
    let later = try problem(in: "- {list: l, items: [a]}\n- {list: m, items: b}\n")
    for text in ["", "a", "\n", "a\nb", String(repeating: "x\n", count: 40)] {
      for width in [0, 1, 2, 5, 160] { _ = later.context.snippet(of: text, width: width) }
    }
  }

  @Test("names a condition by its beginning, on one line") func names() throws {
    let short = try problem(in: Self.rule("\"nope\\nand a.b\""))
    #expect(short.context.locations.last?.name == "\"nope and a.b\"")
    let long = try problem(in: Self.rule("nope and\n    evt.type = open and a"))
    #expect(long.context.locations.last?.name == "\"nope and evt.type...\"")
  }
}
