import Testing

@testable import Detection

@Suite("A field that an event does not have")
struct AbsentFieldTests {
  private func matches(_ condition: String) throws -> Bool {
    try LoadedRules(condition: condition).matches("{evt.type: openat, proc.name: sh}") == ["r"]
  }

  @Test(
    "makes every check of it false",
    arguments: [
      "proc.cwd exists", "proc.cwd = x", "proc.cwd != x", "proc.cwd = \"\"", "proc.cwd != \"\"", "proc.cwd < 1",
      "proc.cwd contains \"\"", "proc.cwd icontains \"\"", "proc.cwd startswith \"\"", "proc.cwd endswith \"\"",
      "proc.cwd glob *", "proc.cwd iglob *", "proc.cwd regex \".*\"", "proc.cwd in (x)", "proc.cwd intersects (x)",
      "proc.cwd pmatch (/)", "proc.cwd = anyof (x)", "proc.cwd != allof (x)", "proc.cwd != oneof (x)",
      "proc.pid = 1", "proc.pid != 1", "proc.pid < 1", "proc.pid >= 1", "proc.pid in (1)", "evt.is_io = false",
      "evt.is_io != true", "fd.sip = 1.1.1.1", "fd.sip != 1.1.1.1", "fd.snet != 1.0.0.0/8", "fd.types in (a)",
      "fd.types intersects (a)", "fd.types exists", "proc.aname = a", "proc.aname != a", "proc.aname[1] exists",
      "tolower(proc.cwd) exists", "len(proc.cwd) = 0", "len(proc.cwd) >= 0", "len(fd.types) = 0",
      "b64(proc.cwd) exists", "basename(proc.cwd) != x", "concat(proc.name, proc.cwd) exists",
      "join(\",\", (proc.name, proc.cwd)) exists", "getopt((proc.cwd), \"a\") exists", "proc.name = val(proc.cwd)",
      "proc.name != val(proc.cwd)", "proc.cwd = val(proc.name)", "proc.cwd != val(proc.cwd)",
      "evt.buffer bcontains 00", "evt.rawarg.res >= 0",
    ])
  func isFalse(condition: String) throws {
    #expect(try !matches(condition))
    // So what is negated outside of it is true.
    #expect(try matches("not \(condition)"))
  }

  @Test("has no part in a condition that is true without it") func others() throws {
    #expect(try matches("proc.cwd = x or proc.name = sh"))
    #expect(try matches("not proc.cwd = x and proc.name = sh"))
    #expect(try !matches("proc.cwd != x and proc.name = sh"))
  }
}
