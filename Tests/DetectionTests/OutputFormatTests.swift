import AgentModel
import SeededRandom
import Testing

@testable import Detection

@Suite("The output of a rule")
struct OutputFormatTests {
  static let event = """
    evt.type: openat
    evt.num: 2
    evt.rawres: -2
    evt.is_io: false
    evt.rawtime.ns: 42
    proc.name: Bash
    proc.pname: sshd
    proc.aname[2]: init
    proc.pid: 100
    proc.fdusage: 0.14
    proc.env[HOME]: /root
    fd.cip: 10.0.0.1
    fd.sip: 2001:db8::1
    fd.cport: 40000
    fd.types: [ipv4, file]
    fd.dev: 2049
    """

  @Test(
    "has the values of its fields",
    arguments: [
      ("plain", "plain"), ("%proc.name", "Bash"), ("a %proc.name b", "a Bash b"), ("é%proc.name é", "éBash é"),
      ("%proc.name%proc.pname", "Bashsshd"), ("%proc.pid,%evt.rawres,%evt.num", "100,-2,2"),
      ("%fd.cip:%fd.cport", "10.0.0.1:40000"), ("%fd.sip", "2001:db8::1"), ("%evt.is_io", "false"),
      ("%proc.fdusage", "0.1"), ("%proc.aname[2].", "init."), ("%proc.env[HOME]", "/root"), ("%evt.type", "openat"),
      ("%evt.rawtime.ns", "000000042"), ("%fd.dev", "801"), ("%fd.types", "(ipv4,file)"),
      ("%proc.name\n%proc.pid", "Bash\n100"), ("*%proc.name", "Bash"), ("**%proc.name", "*Bash"),
    ])
  func values(output: String, text: String) throws {
    #expect(try LoadedRules(condition: "evt.num > 0", output: output).output(Self.event).text == text)
  }

  @Test(
    "ends a field where its name ends",
    arguments: [
      ("%proc.namex", "Bashx"), ("%proc.name.x", "Bash.x"), ("%proc.name[0]", "Bash[0]"), ("%proc.name.", "Bash."),
      ("%proc.pid.%proc.name", "100.Bash"), ("%fd.typesx", "(ipv4,file)x"), ("%evt.numx", "2x"),
      ("%proc.aname[2", "<NA>[2"), ("%tolower(proc.name)x", "bashx"), ("%tolower(proc.name).y", "bash.y"),
      ("%tolower(proc.name)[0]", "bash[0]"), ("%proc.name(x)", "Bash(x)"), ("%proc.name%proc.name", "BashBash"),
    ])
  func ends(output: String, text: String) throws {
    #expect(try LoadedRules(condition: "evt.num > 0", output: output).output(Self.event).text == text)
  }

  @Test(
    "sets a field to a width",
    arguments: [
      ("%3proc.name|", "Bas|"), ("%4proc.name|", "Bash|"), ("%10proc.name|", "Bash      |"), ("%0proc.name|", "Bash|"),
      ("%010proc.name|", "Bash      |"), ("%6tolower(proc.name)|", "bash  |"), ("%2proc.pid|", "10|"),
      ("%6proc.cwd|", "<NA>  |"),
    ])
  func width(output: String, text: String) throws {
    #expect(try LoadedRules(condition: "evt.num > 0", output: output).output(Self.event).text == text)
  }

  @Test("has no width without bounds") func widest() throws {
    for digits in ["1001", "99999999999999999999999999"] {
      let rules = try LoadedRules(condition: "evt.num > 0", output: "%\(digits)proc.name|")
      #expect(try rules.output(Self.event).text.utf8.count == OutputFormat.widest + 1)
    }
  }

  @Test(
    "transforms values",
    arguments: [
      ("%toupper(proc.name)", "BASH"), ("%len(proc.name)", "4"), ("%len(fd.types)", "2"),
      (#"%concat(proc.name, "-", proc.pname)"#, "Bash-sshd"), (#"%join(",", (proc.name, proc.pid))"#, "Bash,100"),
      ("%basename(proc.env[HOME])", "root"), ("%toupper(fd.types)", "(IPV4,FILE)"),
    ])
  func transformed(output: String, text: String) throws {
    #expect(try LoadedRules(condition: "evt.num > 0", output: output).output(Self.event).text == text)
  }

  @Test("says <NA> for what the event does not have") func absent() throws {
    let output = "%proc.cwd %fd.lip %fd.lport %tolower(proc.cwd) %proc.aname[9]!"
    #expect(
      try LoadedRules(condition: "evt.num > 0", output: output).output(Self.event).text == "<NA> <NA> <NA> <NA> <NA>!")
  }

  @Test("gives each of its fields to programs, by type") func fields() throws {
    let rules = try LoadedRules(
      condition: "evt.num > 0",
      output: "%proc.name %proc.name %tolower(proc.pname) %evt.rawres %evt.num %evt.is_io %fd.types %fd.cip %proc.cwd "
        + "%fd.dev %evt.rawtime.ns %fd.cport")
    let fields = try rules.output(Self.event).fields
    #expect(
      fields == [
        "proc.name": .string("Bash"), "proc.pname": .string("sshd"), "evt.rawres": .int(-2), "evt.num": .unsigned(2),
        "evt.is_io": .bool(false), "fd.types": .list(["ipv4", "file"]), "fd.cip": .string("10.0.0.1"),
        "proc.cwd": .null, "fd.dev": .string("801"), "evt.rawtime.ns": .string("000000042"),
        "fd.cport": .unsigned(40_000),
      ])
  }

  @Test(
    "is refused when it cannot be written",
    arguments: [
      ("100%", "invalid formatting syntax: formatting cannot end with a %"),
      ("%", "invalid formatting syntax: formatting cannot end with a %"),
      ("a %5", "invalid formatting syntax: formatting cannot end with a number"),
      ("%nope", "unknown filter: unexpected token after '"), ("%proc.nope", "unknown filter: unexpected token after '"),
      ("% x", "unknown filter: unexpected token after '"), ("%%", "unknown filter: unexpected token after '"),
      ("%(proc.name)", "unknown filter: unexpected token after '"),
      ("%tolower(proc.name", "unknown filter: unexpected token after '"),
      ("%tolower(nope)", "unknown filter: unexpected token after '"),
      ("%tolower(proc.pid)", "unknown filter: unexpected token after '"),
      ("%container.label", "unknown filter: unexpected token after '"),
      ("%evt.arg.nope", "unknown filter: unexpected token after '"), ("", "empty formatting token"),
    ])
  func refused(output: String, message: String) throws {
    let error = try #require(throws: FieldError.self) { _ = try OutputFormat(output) }
    #expect(error.message == message)
  }

  /// The longest field at the beginning of a text as Falco looks for it: all beginnings are tried.
  private func longestTerm(_ text: String) -> (term: TypedTerm, rest: String)? {
    let bytes = Array(text.utf8)
    for length in (1...bytes.count).reversed() {
      guard let (term, count) = try? ConditionParser.parseTerm(Array(bytes[..<length])),
        let typed = try? TypedTerm(term)
      else { continue }
      return (typed, String(decoding: bytes[count...], as: UTF8.self))
    }
    return nil
  }

  @Test("has the longest field that there is at a place", arguments: 0..<4 as Range<UInt64>)
  func longest(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let pieces = [
      "proc.name", "proc.", "aname", ".", "[", "]", "[0]", "[x y]", "x", "tolower(", "concat(", ")", ",", " ", "'",
      "\"", "evt.arg", ".flags", "thread.cgroup", ".cpu", "_", "9", "evt.type.is", ".open", "container.label", "é",
      "fd.types", "evt.rawtime", ".s",
    ]
    for _ in 0..<80 {
      let count = Int.random(in: 1...6, using: &random)
      let text = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
      // A digit at the beginning is a width.
      guard text.first != "9" else { continue }
      let format = try? OutputFormat("%" + text)
      let expected = longestTerm(text)
      #expect(format?.terms.first == expected?.term, "\(text)")
      guard let format, let expected else { continue }
      let rest = expected.rest.isEmpty ? [] : [OutputFormat.Part.literal(expected.rest)]
      #expect(format.parts == [.term(slot: 0, width: 0)] + rest, "\(text)")
    }
  }

  @Test("may have very long names in it, and very many fields") func long() throws {
    let tail = String(repeating: ".x", count: 100_000)
    #expect(try OutputFormat("%proc.name" + tail).parts == [.term(slot: 0, width: 0), .literal(tail)])
    #expect(throws: FieldError.self) { _ = try OutputFormat("%proc.nam" + tail) }
    let group = "thread.cgroup." + String(repeating: "c", count: 100_000)
    #expect(try OutputFormat("%\(group)9").parts == [.term(slot: 0, width: 0), .literal("9")])
    let many = try OutputFormat(String(repeating: "%proc.name ", count: 2_000))
    #expect(many.parts.count == 4_000)
    #expect(many.terms.count == 1)
  }

  @Test("has ancestors as one text, and of their numbers the process's own") func ancestors() throws {
    let event = "{evt.type: openat, evt.num: 1, proc.aname: [sshd, systemd], proc.acmdline: [], \"proc.apid[0]\": 7}"
    let rules = try LoadedRules(
      condition: "evt.num > 0 and proc.aname = systemd",
      output: "%proc.aname|%concat(proc.aname, \"!\")|%join(\",\", (proc.aname, \"x\"))|%proc.acmdline|%proc.apid")
    let (text, fields) = try rules.output(event)
    #expect(text == "sshd systemd|sshd systemd!|sshd systemd,x|<NA>|7")
    #expect(fields["proc.aname"] == .string("sshd systemd"))
    #expect(fields["proc.acmdline"] == .null)
    #expect(fields["proc.apid"] == .int(7))
  }

  @Test("of much text that is no field is refused soon", .timeLimit(.minutes(1))) func hostile() {
    for text in ["x", "proc.nam", "tolower(proc.name,", "(", "join((", "é", "\"", "\0"] {
      let output = "%" + String(repeating: text, count: 10_000 / text.utf8.count)
      #expect(throws: FieldError.self) { _ = try OutputFormat(output) }
    }
    #expect(throws: FieldError.self) { _ = try OutputFormat("%nope" + String(repeating: " %proc.name", count: 1_000)) }
  }

  @Test("without the field that is no more is as before") func containerInfo() throws {
    var loader = RuleLoader()
    let result = loader.load(
      """
      - rule: r
        desc: d
        priority: INFO
        condition: evt.type = openat
        output: "a %container.info b %container.info"
      """, file: "rules.yaml")
    #expect(result.isSuccessful)
    #expect(result.warnings.map(\.code) == [.deprecatedItem])
    let expected = try OutputFormat("a  b ")
    #expect(loader.compiled().rules[0].output == expected)
  }
}
