import AgentModel
import Manifests
import Testing

@testable import Detection

@Suite("The matcher")
struct MatcherTests {
  static let event = """
    evt.type: openat
    evt.num: 7
    evt.rawres: -13
    evt.res: EACCES
    evt.is_open_read: true
    proc.name: Bash
    proc.pname: sshd
    proc.exepath: /usr/bin/bash
    proc.cmdline: bash -c aGVsbG8
    proc.args: aGVsbG8
    proc.pid: 100
    proc.ppid: 50
    proc.aname: [sshd, systemd]
    proc.apid: [50, 1]
    user.uid: 10001
    fd.name: /var/run/secrets/a[1].key
    fd.num: -1
    fd.sip: 10.1.2.3
    fd.sport: 443
    container.id: demo
    """

  static func matches(_ condition: String, _ event: String = event) throws -> Bool {
    var loader = RuleLoader()
    let quoted = condition.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    let result = loader.load(
      "- {rule: r, desc: d, output: o, priority: INFO, condition: \"\(quoted)\"}", file: "rules.yaml")
    #expect(result.errors.map(\.message) == [])
    let rules = loader.compiled()
    let sample = try SampleEvent(Manifest.parseOne(event, source: "event"))
    sample.bind(to: rules)
    return Matcher(rules, source: sample).match()
  }

  @Test(
    "finds true",
    arguments: [
      "evt.type = openat", "evt.type in (open, openat)", "evt.type != open", "not evt.type = open",
      "proc.name = Bash", "proc.name icontains bAS", "proc.name iglob b?s*", "tolower(proc.name) = bash",
      "proc.name != bash", "proc.name startswith Ba", "proc.name endswith sh",
      "proc.name in (zsh, Bash)", "proc.name intersects (zsh, Bash)", "proc.name regex \"B[a-z]+\"",
      "proc.name glob \"[A-Z]a*\"", "proc.name glob \"[![:digit:]]ash\"", "basename(proc.exepath) = bash",
      "len(proc.name) = 4", "b64(proc.args) = hello", "concat(proc.name, \"-\", proc.pname) = Bash-sshd",
      "join(\",\", (proc.name, \"x\", proc.pid)) = \"Bash,x,100\"", "getopt((\"-c\", proc.args), \"c:\")[c] = aGVsbG8",
      "proc.pid > 99 and proc.pid <= 100", "proc.pid in (1, 100)", "fd.num < 0", "user.uid >= 10001",
      "proc.ppid < val(proc.pid)", "proc.pname = val(proc.pname)", "evt.is_open_read = true",
      "evt.is_open_read != false", "proc.aname = systemd", "proc.aname in (init, sshd)", "proc.apid = 1",
      "fd.name pmatch (/etc, /var/run/secrets)", "fd.name pmatch (/var/r*)", "fd.name glob \"/var/*/a\\\\[1\\\\].key\"",
      "fd.name startswith oneof (/var, /etc)", "fd.name contains allof (run, key)",
      "fd.name = anyof (a, /var/run/secrets/a[1].key)",
      "fd.sip = 10.1.2.3", "fd.sip in (1.1.1.1, 10.1.2.3)", "fd.snet = \"10.0.0.0/8\"", "fd.ip = 10.1.2.3",
      "fd.net in (\"10.0.0.0/8\")", "fd.port = 443", "fd.port != 80", "fd.ip != 1.1.1.1", "proc.name exists",
      "proc.pcmdline exists or proc.name exists", "evt.num > 0", "not proc.cwd = x",
    ])
  func isTrue(condition: String) throws { #expect(try Self.matches(condition)) }

  @Test(
    "finds false",
    arguments: [
      "evt.type = open", "proc.name = bash", "proc.name contains bas", "proc.name glob b*", "proc.name regex ash",
      "proc.name in (bash, sh)", "proc.cwd = x", "proc.cwd != x", "proc.cwd exists", "len(proc.cwd) >= 0",
      "proc.name in ()", "fd.name pmatch (/var/run/sec)", "fd.name pmatch (/var/run/secrets/a[1].key/b)",
      "fd.name startswith oneof (/var, /var/run)", "fd.name contains allof (run, x)", "fd.sip = \"::1\"",
      "fd.snet = \"11.0.0.0/8\"", "fd.net != \"10.0.0.0/8\"", "fd.port != 443", "fd.ip != 10.1.2.3", "evt.num = 0",
      "b64(proc.name) = hello", "proc.aname = Bash", "proc.name = val(proc.pname)", "evt.is_open_read = false",
      "getopt((\"-x\"), \"c:\")[c] exists", "user.uid < 10001",
    ])
  func isFalse(condition: String) throws { #expect(try !Self.matches(condition)) }

  @Test("asks rules that need the same only once, and tells all that match, in order")
  func several() throws {
    var loader = RuleLoader()
    let result = loader.load(
      """
      - macro: here
        condition: (container.id != host and evt.type in (openat, execve))
      - {rule: c, desc: d, priority: ERROR, output: o, condition: here and proc.name = Bash}
      - {rule: a, desc: d, priority: ERROR, output: o, condition: here and proc.name = zsh}
      - {rule: b, desc: d, priority: ERROR, output: o, condition: here and fd.name startswith /var}
      - {rule: off, desc: d, priority: ERROR, output: o, enabled: false, condition: here}
      - {rule: d, desc: d, priority: DEBUG, output: o, condition: evt.type = openat}
      - {rule: other, desc: d, priority: DEBUG, output: o, condition: evt.type = connect}
      """, file: "rules.yaml")
    #expect(result.isSuccessful)
    for (lowest, expected) in [(AlertPriority.debug, ["c", "b", "d"]), (.error, ["c", "b"])] {
      let rules = loader.compiled(lowestPriority: lowest)
      let sample = try SampleEvent(Manifest.parseOne(Self.event, source: "event"))
      sample.bind(to: rules)
      let matcher = Matcher(rules, source: sample)
      for _ in 0..<3 {
        matcher.match()
        #expect(matcher.matches.map { rules.rules[$0].name } == expected)
      }
    }
    #expect(try !loader.compiled().concerns(#require(EventType("socket"))))
  }

  @Test("writes outputs as Falco does")
  func output() throws {
    var loader = RuleLoader()
    let result = loader.load(
      """
      - rule: r
        desc: d
        priority: INFO
        condition: evt.type = openat
        output: "name=%proc.name|%3proc.name|%6proc.name|%toupper(proc.pname)|%proc.cwd|%proc.name.x|%fd.sip|%evt.rawres"
      """, file: "rules.yaml")
    #expect(result.errors.map(\.message) == [])
    let rules = loader.compiled()
    let sample = try SampleEvent(Manifest.parseOne(Self.event, source: "event"))
    sample.bind(to: rules)
    let matcher = Matcher(rules, source: sample)
    #expect(matcher.match())
    let output = matcher.output(of: 0)
    #expect(output.text == "name=Bash|Bas|Bash  |SSHD|<NA>|Bash.x|10.1.2.3|-13")
    let fields = Dictionary(uniqueKeysWithValues: output.fields.map { ($0.name, $0.value) })
    #expect(fields["proc.name"] == .string("Bash"))
    #expect(fields["proc.pname"] == .string("sshd"))
    #expect(fields["proc.cwd"] == .null)
    #expect(fields["evt.rawres"] == .int(-13))
  }

  @Test(
    "does not load outputs that Falco would not",
    arguments: [
      ("a %nope b", "unknown filter: unexpected token after '"),
      ("100%", "invalid formatting syntax: formatting cannot end with a %"),
      ("%20", "invalid formatting syntax: formatting cannot end with a number"),
      ("%proc.nosuch", "unknown filter: unexpected token after '"),
    ] as [(String, String)])
  func badOutput(output: String, message: String) {
    var loader = RuleLoader()
    let result = loader.load(
      "- {rule: r, desc: d, priority: INFO, condition: evt.type = open, output: \"\(output)\"}", file: "rules.yaml")
    #expect(result.errors.map(\.code) == [.compileOutput])
    #expect(result.errors.first?.message.hasPrefix(message) == true)
  }
}
