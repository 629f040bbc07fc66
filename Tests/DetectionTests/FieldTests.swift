import Testing

@testable import Detection

@Suite("A field of a condition")
struct FieldTests {
  @Test(
    "is found by its name, with its argument",
    arguments: [
      ("evt.arg[0]", "evt.arg", .index(0)), ("evt.arg[-1]", "evt.arg", .index(-1)),
      ("evt.arg.name", "evt.arg", .eventArgument("name")), ("evt.arg.argument", "evt.arg", .eventArgument("argument")),
      ("evt.rawarg.fd", "evt.rawarg", .eventArgument("fd")), ("evt.args", "evt.args", .none),
      ("evt.around[100]", "evt.around", .key("100")), ("evt.abspath.src", "evt.abspath", .key("src")),
      ("evt.abspath", "evt.abspath", .key("")), ("evt.type.is.open", "evt.type.is", .key("open")),
      ("evt.type", "evt.type", .none), ("evt.time.s", "evt.time.s", .none), ("syscall.type", "syscall.type", .none),
      ("proc.aname", "proc.aname", .none), ("proc.aname[2]", "proc.aname", .index(2)),
      ("proc.aname[-1]", "proc.aname", .none), ("proc.apid[1]", "proc.apid", .index(1)),
      ("proc.args[1]", "proc.args", .index(1)), ("proc.env", "proc.env", .none),
      ("proc.env[HOME]", "proc.env", .key("HOME")), ("proc.env[0]", "proc.env", .index(0)),
      ("proc.env[A B]", "proc.env", .key("A B")), ("proc.exe_ino.ctime", "proc.exe_ino.ctime", .none),
      ("thread.cgroup.cpu", "thread.cgroup", .key("cpu")), ("thread.cgroups", "thread.cgroups", .none),
      ("fd.types", "fd.types", .none), ("fd.types[3]", "fd.types", .index(3)),
      ("container.label[app]", "container.label", .key("app")), ("container.labels", "container.labels", .none),
      ("container.mount.dest[/etc]", "container.mount.dest", .key("/etc")),
      ("k8s.pod.label[a/b]", "k8s.pod.label", .key("a/b")), ("agent.tier", "agent.tier", .none),
    ] as [(String, String, FieldReference.Argument)])
  func known(text: String, field: String, argument: FieldReference.Argument) throws {
    let reference = try #require(try FieldReference.resolve(text))
    #expect(reference.definition.name == field)
    #expect(reference.argument == argument)
    #expect(reference.name == text)
  }

  @Test(
    "is none when anything is before, behind or missing",
    arguments: [
      "", "x", "evt", "evt.", "evt.nope", "evt.argsx", "evt.arg.namex", "evt.arg[0]x", "evt.abspath.other",
      "evt.type.is.opn", "evt.timex", "proc.name.x", "proc.name[0]", "proc.nam", " proc.name", "proc.name ",
      "PROC.NAME", "proc.aname[x]", "proc.aname[]", "proc.aname[1", "proc.aname2", "proc.envx", "proc.env[A]x",
      "fd.name[0]", "fd.ipx", "fd.types[1]x", "container.idx", "ka.user.name", "json.value[/a]", "agent.nam",
      "agent.name.x", "k8s.pod", "proc.arg", "container.labels.x", "container.id.x", "container.labelx[y]",
      "container.label[x]y",
    ])
  func unknown(text: String) throws {
    #expect(try FieldReference.resolve(text) == nil)
    if text.contains("."), !text.contains(" "), !text.contains("["), !text.hasSuffix(".") {
      #expect(
        LoadedRules.objection(to: "\(text) exists") == "filter_check called with nonexistent field \(text)")
    }
  }

  @Test(
    "whose argument makes no sense is told so",
    arguments: [
      ("evt.arg", "filter syntax error: evt.arg"), ("evt.arg.nope", "unknown event argument nope"),
      ("evt.arg[x]", "x is not a valid number"), ("evt.arg[]", " is not a valid number"),
      ("evt.rawarg[0]", "evt.arg fields must be expressed explicitly"),
      ("evt.rawarg", "filter syntax error: evt.rawarg"), ("evt.rawarg.zz", "unknown event argument zz"),
      ("evt.around", "filter syntax error: evt.around"), ("evt.around.x", "wrong syntax for evt.around"),
      ("evt.around[x]", "x is not a valid number"), ("evt.type.is", "filter syntax error: evt.type.is"),
      ("thread.cgroup", "filter syntax error: thread.cgroup"), ("fd.types[x]", "x is not a valid number"),
      ("arg.x", "filter error: proc.arg filter not implemented yet"),
      ("container.label", "filter 'container.label': container.label requires an argument but none provided"),
      ("container.label.x", "filter 'container.label.x': container.label requires an argument but none provided"),
      ("container.mountx", "filter 'container.mountx': container.mount requires an argument but none provided"),
      ("k8s.pod.label.a", "filter 'k8s.pod.label.a': k8s.pod.label requires an argument but none provided"),
      (
        "container.id[x]",
        "filter 'container.id[x]': container.id does not allow nor require an argument but one is provided: x"
      ),
      (
        "container.label[a",
        "filter 'container.label[a': container.label has unbalanced argument brackets"
      ),
      (
        "container.label[",
        "filter 'container.label[': container.label terminates with incomplete argument brackets"
      ),
    ])
  func badArgument(text: String, message: String) throws {
    let error = try #require(throws: FieldError.self) { _ = try FieldReference.resolve(text) }
    #expect(error.message == message)
  }

  @Test("has a type that is known, and a name of its own") func table() {
    let lines = fieldTableText.split(separator: "\n")
    #expect(FieldTable.definitions.count == lines.count)
    #expect(Set(FieldTable.definitions.map(\.name)).count == FieldTable.definitions.count)
    for definition in FieldTable.definitions { #expect(definition.type != .none, "\(definition.name)") }
  }

  @Test(
    "that is an argument has the argument's type",
    arguments: [
      ("evt.rawarg.fd", .descriptor), ("evt.rawarg.name", .path), ("evt.rawarg.res", .errno),
      ("evt.rawarg.flags", .flags32), ("evt.rawarg.data", .bytes), ("evt.arg.fd", .string), ("evt.arg[2]", .string),
    ] as [(String, ValueType)])
  func argumentType(text: String, type: ValueType) throws {
    #expect(try FieldReference.resolve(text)?.definition.type == type)
  }
}
