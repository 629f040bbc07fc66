import Testing

@testable import Detection

@Suite("A value that is made from others")
struct CombinedTermTests {
  static let event = """
    evt.type: openat
    proc.name: Bash
    proc.pname: sshd
    proc.exepath: /usr/bin/bash
    proc.args: -c aGVsbG8=
    proc.args[1]: aGVsbG8=
    proc.cwd: /root/
    proc.exe: ""
    proc.pid: 100
    proc.ppid: 50
    proc.tty: 34816
    fd.types: [ipv4, file]
    """

  private func matches(_ condition: String) throws -> Bool {
    try LoadedRules(condition: condition).matches(Self.event) == ["r"]
  }

  @Test(
    "is what Falco makes",
    arguments: [
      "tolower(proc.name) = bash", "toupper(proc.name) = BASH", "tolower(toupper(proc.name)) = bash",
      "basename(proc.exepath) = bash", "basename(proc.name) = Bash", "basename(proc.cwd) = \"\"",
      "len(proc.name) = 4", "len(proc.exepath) > 12", "len(fd.types) = 2", "b64(proc.args[1]) = hello",
      "toupper(b64(proc.args[1])) = HELLO", "len(b64(proc.args[1])) = 5",
      "concat(proc.name, \"-\", proc.pname) = Bash-sshd", "concat(proc.name, \"\", proc.pname) = Bashsshd",
      "concat(tolower(proc.name), concat(\"/\", proc.pname)) = bash/sshd",
      "join(\",\", (proc.name, \"x\", proc.args[1])) = \"Bash,x,aGVsbG8=\"",
      "join(\"\", (proc.name, proc.pname)) = Bashsshd",
      "join(\"-\", (proc.pid, 7)) = 100-7", "join(\"+\", fd.types) = ipv4+file", "join(\",\", ()) = \"\"",
      "toupper(fd.types) in (IPV4, FILE)", "toupper(fd.types) intersects (FILE, x)", "fd.types in (ipv4, file, x)",
      "fd.types intersects (file)", "not fd.types in (file)", "not fd.types intersects (unix)",
      "proc.name != val(proc.pname)", "proc.name < val(proc.pname)", "proc.exepath endswith tolower(proc.name)",
      "proc.exepath icontains val(proc.name)", "proc.exepath icontains toupper(proc.name)",
      "proc.name = val(proc.name)", "proc.name startswith val(proc.exe)", "proc.ppid < val(proc.pid)",
      "proc.pid >= val(proc.pid)", "len(proc.name) = len(proc.pname)",
    ])
  func isTrue(condition: String) throws { #expect(try matches(condition)) }

  @Test(
    "takes options from a command line as getopt does",
    arguments: [
      "getopt((\"-c\", proc.args[1]), \"c:\")[c] = \"aGVsbG8=\"", "getopt((\"-caGVsbG8=\"), \"c:\")[c] = \"aGVsbG8=\"",
      "getopt((\"-a\", \"-b\", \"x\"), \"ab:\")[b] = x", "getopt((\"-abx\"), \"ab:\")[b] = x",
      "getopt((\"-a\", \"-b\"), \"ab\") in (a, b)", "getopt((\"-ab\"), \"ab\") in (a, b)",
      "getopt((\"-a\"), \"a\")[a] exists", "not getopt((\"-b\"), \"a\")[a] exists",
      "not getopt((\"x\", \"-a\"), \"a\")[a] exists", "not getopt((\"--\", \"-a\"), \"a\")[a] exists",
      "getopt((\"--long\", \"-a\"), \"a\")[a] exists", "getopt((\"-z\", \"-a\"), \"a\") intersects (\"?\")",
      "getopt((\"-b\"), \"b:\")[b] = \"\"", "not getopt((\"-\"), \"a\")[a] exists",
    ])
  func options(condition: String) throws { #expect(try matches(condition)) }

  @Test(
    "is not there for base64 that is none",
    arguments: [
      "a", "ab#d", "ab d", "abcde", "é", "=", "==", "===", "YQ===", "YQ=a", "=YQ", "YWJj===",
      // Bits behind the last byte.
      "YR==", "YR", "YWJ", "YWJ=", "YWK",
    ])
  func noBase64(text: String) throws {
    let rules = try LoadedRules(condition: "b64(proc.name) exists")
    #expect(try rules.matches("{evt.type: openat, proc.name: \(LoadedRules.quoted(text))}") == [])
  }

  @Test(
    "decodes base64, with padding or without",
    arguments: [
      ("YQ==", "a"), ("YQ", "a"), ("YWI=", "ab"), ("YWI", "ab"), ("YWJj", "abc"), ("/+8=", "\u{ff}\u{ef}"),
      // The right number of = or not.
      ("YQ=", "a"), ("YWI==", "ab"), ("YWJj=", "abc"), ("YWJj==", "abc"),
    ])
  func base64(text: String, decoded: String) throws {
    let hex = decoded.unicodeScalars.map { ($0.value < 16 ? "0" : "") + String($0.value, radix: 16) }.joined()
    let event = "{evt.type: openat, evt.buffer: \(LoadedRules.quoted(text))}"
    #expect(try LoadedRules(condition: "b64(evt.buffer) bcontains \(hex)").matches(event) == ["r"])
    let length = decoded.unicodeScalars.count
    #expect(try LoadedRules(condition: "len(b64(evt.buffer)) = \(length)").matches(event) == ["r"])
  }

  @Test("takes the process's own number of proc.apid, not those of its ancestors") func ownNumber() throws {
    let (term, _) = try ConditionParser.parseTerm(Array("join(\",\", (proc.apid, proc.apid[2]))".utf8))
    guard case .join(_, let list) = try TypedTerm(term).source, case .list(let items) = list.source else {
      Issue.record("not a join")
      return
    }
    #expect(
      items.map { if case .field(let field) = $0.source { field.name } else { "" } } == [
        "proc.apid[0]", "proc.apid[2]",
      ])
  }

  @Test("is computed anew for each event") func anew() throws {
    let rules = try LoadedRules(condition: "concat(tolower(proc.name), \"-\", proc.pname) = a-b")
    for _ in 0..<3 {
      #expect(try rules.matches("{evt.type: openat, proc.name: A, proc.pname: b}") == ["r"])
      #expect(try rules.matches("{evt.type: openat, proc.name: A}") == [])
      #expect(try rules.matches("{evt.type: openat, proc.name: AA, proc.pname: b}") == [])
    }
  }
}
