import Testing

@testable import Detection

@Suite("Checks of fields")
struct CheckTests {
  /// The message of what is wrong with a condition; `nil` when nothing is.
  static func problem(_ condition: String) -> String? {
    var builder = GraphBuilder()
    do {
      _ = try builder.build(try ConditionParser.parse(condition))
      return nil
    } catch let failure as GraphBuilder.Failure {
      return failure.message
    } catch {
      return "\(error)"
    }
  }

  @Test(
    "may be made",
    arguments: [
      "evt.type in (open, openat)", "fd.sip = 10.0.0.1", "fd.sip in (10.0.0.1, \"::1\")", "fd.snet = \"10.0.0.0/8\"",
      "fd.sport = https", "fd.sport in (80, 443)", "user.loginuid = -1", "evt.is_open_read = true",
      "proc.aname[3] startswith a", "proc.env[HOME] = /root", "thread.cgroup.cpu = a", "evt.arg.flags contains O_",
      "evt.rawarg.res = 3", "evt.type.is.open = 1", "evt.abspath.src = /a", "container.label[x] = y",
      "evt.buffer bcontains cafe", "proc.name = oneof (a, b)", "tolower(fd.types) in (a)",
      "getopt((proc.name), \"a:\")[a] = x", "agent.tenant = acme",
    ])
  func good(condition: String) { #expect(Self.problem(condition) == nil) }

  @Test(
    "are refused in Falco's words",
    arguments: [
      ("proc.nam = a", "filter_check called with nonexistent field proc.nam"),
      ("proc.name[1] = a", "filter_check called with nonexistent field proc.name[1]"),
      ("evt.type = opn", "unknown event type opn"),
      ("evt.arg.nope = 1", "unknown event argument nope"),
      ("evt.arg = 1", "filter syntax error: evt.arg"),
      ("evt.rawarg[0] = 1", "evt.arg fields must be expressed explicitly"),
      ("fd.num > 0x10", "0x10 is not a valid number"),
      ("fd.num = 1a", "1a is not a valid number"),
      ("evt.is_open_read = 1", "filter error: unrecognized boolean value 1"),
      ("fd.sip = 10.0.0", "unrecognized IPv4 address 10.0.0"),
      ("fd.snet = \"10.0.0.0/33\"", "invalid netmask 33"),
      ("fd.snet = \"::/0\"", "invalid v6 netmask 0"),
      ("user.uid startswith 1", "filter error: 'startswith' operator not supported for numeric filters"),
      ("proc.name bcontains ab", "filter error: 'bcontains' operator not supported for string filters"),
      ("fd.types = a", "filter error: '=' operator not supported list filters"),
      ("evt.buffer bcontains xyz", "filter error: bcontains and bstartswith operator support hex strings only"),
      ("proc.name regex \"(\"", "invalid regex pattern: missing ): ("),
      (
        "proc.name = val(proc.pid)",
        "field 'proc.name' has type 'CHARBUF' while the right-hand side field 'proc.pid' has incompatible type 'INT64'"
      ),
      ("proc.aname = val(proc.name)", "field 'proc.aname' doesn't support right-hand side fields"),
      ("proc.name pmatch val(proc.exe)", "operator 'PMATCH' doesn't support right-hand side fields"),
      (
        "len(fd.num) = 1",
        "can't add field transformer: type 'INT64' is not supported by 'len' transformer applied on field 'fd.num'"
      ),
      ("join(proc.name) = a", "unknown field transfomer 'join'"),
      ("tolower(proc.name, proc.exe) = a", "unknown multivalue transformer"),
      ("concat(proc.pid, \"a\") = b", "concat() arguments must be strings"),
      ("container.label = x", "filter 'container.label': container.label requires an argument but none provided"),
    ] as [(String, String)])
  func bad(condition: String, message: String) { #expect(Self.problem(condition) == message) }

  @Test("take values of 255 bytes and no more")
  func longValues() {
    #expect(Self.problem("proc.name = \(String(repeating: "a", count: 255))") == nil)
    #expect(
      Self.problem("proc.name = \(String(repeating: "a", count: 256))")?.hasPrefix(
        "filter parameter too long (used=257, available=256):") == true)
  }
}
