import Testing

@testable import Detection

@Suite("A transformer in a condition")
struct TransformerTests {
  @Test(
    "takes values of its types",
    arguments: [
      "tolower(proc.name) = a", "toupper(fd.types) in (A)", "b64(proc.name) = a", "b64(fd.name) = a",
      "b64(evt.buffer) contains a", "b64(fs.path.name) = a", "basename(proc.exepath) = a", "len(proc.name) = 3",
      "len(fd.types) > 1", "len(evt.buffer) = 3", "len(tolower(proc.name)) = 1", #"join(",", fd.types) = a"#,
      #"join(",", (proc.name, "x")) = a"#, #"concat(proc.name, "x") = a"#,
      "concat(proc.name, tolower(proc.name)) = a", #"getopt(fd.types, "a:") in (a)"#,
      #"getopt(fd.types, "a:")[a] = b"#, #"concat(concat(proc.name, "a"), "b") = c"#, "proc.name = val(proc.pname)",
      "proc.pid = val(proc.ppid)", "fd.cip = val(fd.sip)", "proc.name = val(proc.env[X])",
      "proc.name = tolower(proc.pname)", "len(proc.name) > len(proc.pname)",
    ])
  func good(condition: String) { #expect(LoadedRules.objection(to: condition) == nil) }

  @Test(
    "is refused for others in Falco's words",
    arguments: [
      (
        "tolower(proc.pid) = a",
        "can't add field transformer: type 'INT64' is not supported by 'tolower' transformer applied on "
          + "field 'proc.pid'"
      ),
      (
        "toupper(evt.buffer) = a",
        "can't add field transformer: type 'BYTEBUF' is not supported by 'toupper' transformer applied on "
          + "field 'evt.buffer'"
      ),
      (
        "b64(proc.pid) = 1",
        "can't add field transformer: type 'INT64' is not supported by 'b64' transformer applied on field 'proc.pid'"
      ),
      (
        "basename(evt.buffer) = a",
        "can't add field transformer: type 'BYTEBUF' is not supported by 'basename' transformer applied on "
          + "field 'evt.buffer'"
      ),
      (
        "len(proc.pid) = 3",
        "can't add field transformer: type 'INT64' is not supported by 'len' transformer applied on field 'proc.pid'"
      ),
      (
        "len(len(proc.name)) = 1",
        "can't add field transformer: type 'UINT64' is not supported by 'len' transformer applied on field "
          + "'proc.name'"
      ),
      (
        "tolower(len(proc.name)) = 1",
        "can't add field transformer: type 'UINT64' is not supported by 'tolower' transformer applied on "
          + "field 'proc.name'"
      ),
      ("len(proc.name) = abc", "abc is not a valid number"),
      ("len(proc.name) contains 3", "filter error: 'contains' operator not supported for numeric filters"),
      ("tolower(fd.ip) = x", "field 'fd.ip' does not support transformers"),
      ("tolower(proc.aname) = x", "field 'proc.aname' does not support transformers"),
      ("tolower(evt.rawarg.fd) = x", "field 'evt.rawarg' does not support transformers"),
      ("len(evt.rawarg.name) = 1", "field 'evt.rawarg' does not support transformers"),
      ("tolower(proc.name)[0] = x", "filter error: transformer 'tolower' does not support field arguments"),
      (#"join(",", proc.name) = a"#, "join() second argument must be a list"),
      ("join(fd.types, fd.types) = a", "join() first argument (separator) must be a single value, not a list"),
      (#"join(",", (proc.name, "x"))[a] = b"#, "transformer 'join' does not support field arguments"),
      (#"join(",", ("a"), ("b")) = a"#, "join() requires exactly 2 arguments: separator and list"),
      (#"join(",") = a"#, "unknown field transfomer 'join'"),
      ("concat(proc.name) = a", "unknown field transfomer 'concat'"),
      ("concat(proc.name, proc.pid) = a", "concat() arguments must be strings"),
      ("concat(proc.name, fd.types) = a", "concat() arguments must be strings"),
      (#"concat(proc.name, "x")[a] = a"#, "transformer 'concat' does not support field arguments"),
      (#"getopt(fd.types, "a:")[ab] = b"#, "getopt() field argument must be a single option character"),
      (#"getopt(proc.name, "a") in (a)"#, "getopt() first argument must be a list"),
      ("getopt(fd.types, fd.types) in (a)", "getopt() second argument (optstring) must be a single value"),
      ("getopt(fd.types, proc.pid) in (a)", "getopt() arguments must be strings"),
      (#"getopt(fd.types, "a:") = b"#, "filter error: '=' operator not supported list filters"),
      ("getopt(fd.types) = a", "unknown field transfomer 'getopt'"),
      (#"getopt(fd.types, "a", "b") = a"#, "getopt() requires exactly 2 arguments: args list and optstring"),
      (
        "proc.name = val(proc.pid)",
        "field 'proc.name' has type 'CHARBUF' while the right-hand side field 'proc.pid' has incompatible "
          + "type 'INT64'"
      ),
      (
        "proc.pid = val(evt.num)",
        "field 'proc.pid' has type 'INT64' while the right-hand side field 'evt.num' has incompatible type 'UINT64'"
      ),
      ("proc.name = val(fd.types)", "field 'fd.types' can't be used as a right-hand side field"),
      ("fd.types in val(fd.types)", "field 'fd.types' doesn't support right-hand side fields"),
      ("proc.name regex val(proc.pname)", "operator 'REGEX' doesn't support right-hand side fields"),
      ("proc.name pmatch val(proc.pname)", "operator 'PMATCH' doesn't support right-hand side fields"),
      ("proc.name = val(proc.aname)", "field 'proc.aname' can't be used as a right-hand side field"),
      ("proc.aname = val(proc.name)", "field 'proc.aname' doesn't support right-hand side fields"),
      ("fd.ip = val(fd.cip)", "field 'fd.ip' doesn't support right-hand side fields"),
      ("fd.cip = val(fd.ip)", "field 'fd.ip' can't be used as a right-hand side field"),
      ("fd.cnet = val(fd.snet)", "field type 'IPNET' doesn't support right-hand side fields"),
      ("proc.name = val(proc.nope)", "filter_check called with nonexistent field proc.nope"),
      (
        "proc.name = len(proc.pname)",
        "field 'proc.name' has type 'CHARBUF' while the right-hand side field 'proc.pname' has incompatible "
          + "type 'UINT64'"
      ),
      ("proc.nope = val(proc.name)", "filter_check called with nonexistent field proc.nope"),
    ] as [(String, String)])
  func bad(condition: String, message: String) { #expect(LoadedRules.objection(to: condition) == message) }

  @Test(
    "makes another type of what it takes",
    arguments: [
      ("tolower(proc.name)", .string, false), ("toupper(fd.types)", .string, true), ("len(fd.types)", .uint64, false),
      ("len(proc.name)", .uint64, false), ("b64(evt.buffer)", .bytes, false),
      ("basename(fs.path.name)", .string, false),
      ("len(b64(evt.buffer))", .uint64, false), ("concat(proc.name, proc.pname)", .string, false),
      (#"join(",", fd.types)"#, .string, false), (#"getopt(fd.types, "a")"#, .string, true),
      (#"getopt(fd.types, "a")[a]"#, .string, false),
    ] as [(String, ValueType, Bool)])
  func types(text: String, type: ValueType, isList: Bool) throws {
    let (term, length) = try ConditionParser.parseTerm(Array(text.utf8))
    #expect(length == text.utf8.count)
    let typed = try TypedTerm(term)
    #expect(typed.type == type)
    #expect(typed.isList == isList)
  }

  @Test("is taken off from the outside") func layers() throws {
    let typed = try TypedTerm(ConditionParser.parseTerm(Array("len(tolower(fd.types))".utf8)).term)
    let (middle, last) = try #require(typed.withoutLastTransformer)
    #expect(last == .len)
    #expect(middle.isList)
    #expect(middle.type == .string)
    let (inner, first) = try #require(middle.withoutLastTransformer)
    #expect(first == .tolower)
    #expect(try inner == TypedTerm(ConditionParser.parseTerm(Array("fd.types".utf8)).term))
    #expect(inner.withoutLastTransformer == nil)
  }
}
