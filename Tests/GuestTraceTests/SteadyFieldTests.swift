import Detection
import SeededRandom
import Testing
import TraceWriting

@testable import GuestTrace

/// What was found out about a process for one event is taken for true of the next.
@Suite("What rules ask of processes")
struct SteadyFieldTests {
  /// Each asks another field, and is true of some processes.
  private static let conditions = [
    "proc.name = a", "proc.pname = a", "proc.aname in (a, b)", "proc.aname[2] = b", "proc.exe = /bin/c",
    "proc.exepath = /bin/b", "proc.pexepath = /bin/a", "proc.args contains x", "proc.pcmdline contains y",
    "proc.cmdline startswith \"a x\"", "proc.cwd = /tmp", "proc.env[K] = x", "proc.sname = a", "proc.pid = 3",
    "proc.ppid = 2", "proc.apid = 1", "proc.is_exe_from_memfd = true", "proc.is_exe_upper_layer = true",
    "proc.cmdnargs > 1", "user.uid = 0", "user.name = root", "group.gid = 0", "thread.tid = 9",
    "thread.ismain = true", "proc.duration > 0", "container.name = bot", "agent.tenant != acme",
    "container.duration > 0", "evt.type = openat and proc.name = a", "fd.name contains /a and proc.name != b",
    "basename(proc.exepath) = a", "tolower(proc.name) = b", "proc.name = val(proc.pname)",
  ]

  private static func rules() throws -> CompiledRules {
    var loader = RuleLoader()
    let text = conditions.enumerated().map { number, condition in
      "- {rule: r\(number), desc: d, priority: INFO, output: o, warn_evttypes: false, condition: '\(condition)'}\n"
    }
    let result = loader.load(text.joined(), file: "rules.yaml")
    try #require(result.errors.map(\.message) == [])
    return loader.compiled()
  }

  @Test("is asked anew whenever it may have changed", arguments: 0..<6 as Range<UInt64>)
  func changes(seed: UInt64) throws {
    let rules = try Self.rules()
    let reader = GuestEventReader(hostName: "host")
    reader.bind(to: rules)
    let matcher = Matcher(rules, source: reader)
    let sandboxes = ["a1", "b2"].map { uid in
      SandboxEvents(
        SandboxIdentity(
          container: "default.\(uid)", agent: uid == "a1" ? "bot" : "other", tenant: uid == "a1" ? "acme" : "x",
          uid: uid,
          tier: "starter", image: "oci:/x:1", start: 1_000))
    }
    var random = SplitMix64(seed: seed)
    var seen: [Int: Int] = [:]
    for _ in 0..<4_000 {
      let sandbox = Bool.random(using: &random) ? sandboxes[0] : sandboxes[1]
      let message = Self.message(of: sandbox.identity.container, &random)
      try message.withUnsafeBytes { bytes in
        let outcome = reader.take(bytes, from: sandbox)
        try #require(outcome != .malformed && outcome != .foreign)
        guard outcome == .event else { return }
        matcher.match()
        // One that knows of no event before.
        let fresh = Matcher(rules, source: reader)
        fresh.match()
        #expect(matcher.matches == fresh.matches)
        for rule in fresh.matches { seen[rule, default: 0] += 1 }
      }
    }
    // A rule that never matches, or always, proves nothing.
    for number in Self.conditions.indices {
      #expect((1..<4_000).contains(seen[number] ?? 0), "\(Self.conditions[number])")
    }
  }

  private static func message(of container: String, _ random: inout SplitMix64) -> [UInt8] {
    func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: 0..<values.count, using: &random)] }
    let process = pick([1, 2, 3] as [UInt64])
    let thread = pick([process, process, 9])
    // Mostly the same, as in life.
    let (cwd, user) = (pick(["/workspace", "/workspace", "/tmp"]), pick([10_001, 10_001, 0] as [UInt64]))
    let name = pick(["a", "a", "a", "b", "B"])
    func make(_ kind: UInt16, _ fields: (inout MessageBuilder) -> Void) -> [UInt8] {
      MessageBuilder.make(
        kind, process: process, thread: thread, name: name, cwd: cwd, container: container, user: user, fields)
    }
    switch Int.random(in: 0..<20, using: &random) {
    case 0:
      let child = pick([1, 2, 3] as [UInt64])
      return make(2) { message in
        message.number(3, child)
        message.number(4, child)
        message.number(5, UInt64(1_000))
      }
    case 1, 2:
      let binary = pick(["/bin/a", "/bin/b", "/bin/c", "/tmp/a", "/memfd:x (deleted)"])
      let words = pick([["/bin/c", "x", "y"], ["a"], ["a", "x"], ["b", "y"]])
      return make(3) { message in
        message.text(2, binary)
        for word in words { message.text(3, word) }
        message.text(4, pick(["K=x", "K=y"]))
        message.number(5, UInt64(0o100755))
      }
    case 3:
      return make(5) { message in message.number(2, UInt64(0)) }
    default:
      return make(7) { message in
        message.exit(3)
        message.number(3, UInt64(257))
        message.number(4, Int64(-100))
        message.text(6, pick(["/a", "/b"]))
      }
    }
  }
}
