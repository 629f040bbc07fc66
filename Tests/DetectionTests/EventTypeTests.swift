import Testing

@testable import Detection

@Suite("The types of events that a condition is about")
struct EventTypeTests {
  private func types(_ condition: String) throws -> Set<String> {
    Set(try EventTypeAnalysis().types(of: try ConditionParser.parse(condition)).map(\.description))
  }

  @Test(
    "are few where it says so",
    arguments: [
      ("evt.type = open", ["open"]), ("not evt.type != open", ["open"]), ("syscall.type = open", ["open"]),
      ("evt.type in (open, openat, openat2)", ["open", "openat", "openat2"]), ("evt.type in ()", []),
      ("evt.type = \"\"", []),
      ("evt.type = open and proc.name = x", ["open"]), ("evt.type = open and evt.type = close", []),
      ("evt.type = open or evt.type = close", ["open", "close"]),
      (
        "(evt.type = open and proc.name = a) or (evt.type = close and proc.name = b)",
        ["open", "close"]
      ),
      ("not (evt.type != open or proc.name = x)", ["open"]), ("not evt.type exists", []), ("evt.num = 0", []),
      ("evt.num < 1", []), ("evt.num <= 0", []), ("evt.num in (0)", []), ("not evt.num != 0", []),
      ("evt.num = 0 or evt.type = open", ["open"]), ("evt.type = epoll_ctl", ["epoll_ctl"]),
      ("evt.type in (open, close) and not evt.type = close", ["open"]),
    ] as [(String, Set<String>)])
  func few(condition: String, expected: Set<String>) throws { #expect(try types(condition) == expected) }

  @Test(
    "are all where it says nothing of them",
    arguments: [
      "proc.name = x", "evt.type exists", "evt.type contains open", "evt.type startswith op", "evt.num > 0",
      "evt.num != 0", "evt.num >= 1", "evt.num = 5", "evt.num in (0, 1)", "not evt.num = 0",
      "evt.type = anyof (open, close)", "evt.type = open or proc.name = x",
      "not (evt.type = open and proc.name = x)", "proc.name = tolower(evt.type)", "a_macro", "not a_macro",
    ])
  func all(condition: String) throws { #expect(try types(condition).count == EventType.names.count) }

  @Test(
    "are all but some",
    arguments: [
      ("evt.type != open", ["open"]), ("not evt.type = open", ["open"]),
      ("not evt.type in (open, openat)", ["open", "openat"]),
      ("not (evt.type = open or proc.name = x)", ["open"]),
      ("evt.type != open and evt.type != close", ["open", "close"]),
    ] as [(String, Set<String>)])
  func others(condition: String, missing: Set<String>) throws {
    #expect(try types(condition) == Set(EventType.names).subtracting(missing))
  }

  @Test(
    "cannot be told of transformed or compared ones",
    arguments: [
      ("tolower(evt.type) = open", "event code search does not support `evt.type` checks with transformers"),
      ("tolower(evt.type) exists", "event code search does not support `evt.type` checks with transformers"),
      (
        "evt.type = val(proc.name)",
        "right-hand field comparisons on `evt.type`/`syscall.type` checks are not supported by event code search"
      ),
    ])
  func refused(condition: String, message: String) throws {
    let error = try #require(throws: FieldError.self) { _ = try types(condition) }
    #expect(error.message == message)
  }

  @Test("of macros are those of their conditions") func macros() throws {
    var analysis = EventTypeAnalysis()
    analysis.add(macro: "opens", try ConditionParser.parse("evt.type in (open, openat)"))
    analysis.add(macro: "not_open", try ConditionParser.parse("not opens or evt.type = open"))
    let both = try analysis.types(of: try ConditionParser.parse("opens and not_open"))
    #expect(both.map(\.description) == ["open"])
    analysis.add(macro: "bad", try ConditionParser.parse("tolower(evt.type) = open"))
    #expect(throws: FieldError.self) { try analysis.types(of: try ConditionParser.parse("opens and bad")) }
  }

  @Test("are warned of when they are many, unless the rule says that it knows") func warning() throws {
    func codes(_ condition: String, _ more: String = "") throws -> [LoadResult.WarningCode] {
      var loader = RuleLoader()
      let result = loader.load(
        """
        - rule: r
          desc: d
          priority: INFO
          output: o
          condition: \(LoadedRules.quoted(condition))
          \(more)
        """, file: "rules.yaml")
      try #require(result.isSuccessful)
      return result.warnings.map(\.code)
    }
    #expect(try codes("proc.name = x") == [.noEventType])
    #expect(try codes("evt.type != open") == [.noEventType])
    #expect(try codes("proc.name = x", "warn_evttypes: false") == [])
    #expect(try codes("evt.type = open") == [])
    #expect(try codes("evt.num = 0") == [])
  }

  @Test("have names, each once") func names() throws {
    #expect(Set(EventType.names).count == EventType.names.count)
    for (index, name) in EventType.names.enumerated() {
      let type = try #require(EventType(name))
      #expect(type.index == index && type.description == name)
    }
    #expect(EventType("") == nil && EventType("Open") == nil && EventType("open ") == nil)
    #expect(EventType.unknown.description == "unknown")
  }

  @Test(
    "are compared with several as modifiers say",
    arguments: [
      ("evt.type != anyof (openat, close)", true), ("evt.type = allof (openat, close)", false),
      ("evt.type = anyof (openat, close)", true), ("evt.type != allof (openat, close)", false),
      ("evt.type = oneof (openat, close)", true),
    ])
  func modifiers(condition: String, isTrue: Bool) throws {
    #expect(try LoadedRules(condition: condition).matches(#"{"evt.type": "openat"}"#).isEmpty != isTrue)
  }

  @Test("choose which rules are asked at all") func index() throws {
    let rules = try LoadedRules(
      """
      - {rule: a, desc: d, priority: INFO, output: o, condition: evt.type = open}
      - {rule: b, desc: d, priority: INFO, output: o, condition: evt.type != open and proc.name = x}
      - {rule: c, desc: d, priority: INFO, output: o, condition: "evt.type in (open, close) and not proc.name = x"}
      - {rule: d, desc: d, priority: INFO, output: o, condition: not evt.type = close}
      - {rule: e, desc: d, priority: INFO, output: o, condition: evt.num = 0}
      """)
    #expect(try rules.matches("{evt.type: open, proc.name: other}") == ["a", "c", "d"])
    #expect(try rules.matches("{evt.type: open, proc.name: x}") == ["a", "d"])
    #expect(try rules.matches("{evt.type: close, proc.name: x}") == ["b"])
    #expect(try rules.matches("{evt.type: close}") == ["c"])
    #expect(try rules.matches("{evt.type: socket, proc.name: x}") == ["b", "d"])
  }
}
