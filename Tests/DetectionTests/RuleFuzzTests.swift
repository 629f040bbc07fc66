import Foundation
import Manifests
import SeededRandom
import Testing

@testable import Detection

@Suite("Random rules files", .timeLimit(.minutes(5))) struct RuleFuzzTests {
  /// What rules are made of.
  private static let words = [
    "and", "or", "not", "in", "(", ")", "()", "=", "!=", "<", "contains", "icontains", "startswith", "glob", "iglob",
    "pmatch", "regex", "exists", "intersects", "oneof", "anyof", "allof", "val(", "tolower(", "basename(", "join(",
    "getopt(", "concat(", "len(", "b64(", "\"", "'", "\\x", "\\\\", "[0]", "[", "evt.type", "evt.arg.res",
    "proc.aname[2]", "proc.args", "fd.sip", "fd.net", "fd.name", "container.label.x", "1.2.3.0/24", "::1", "0x10", "-1",
    "99999999999999999999", "%proc.name", "%evt.arg[1]", "%", "- rule: x\n", "- macro: m\n", "- list: l\n",
    "  append: true\n",
    "  override: {condition: append}\n", "  condition: >\n    ", "&a", "*a", "<<: *a", "!!binary ", "\u{fffe}", "\t",
    "\n",
    "(a|b)*c", "(?:", "{1000}", "required_engine_version: 99.0.0\n", "exceptions: [{name: e, fields: [proc.name]}]\n",
  ].map { Array($0.utf8) }

  @Test("are loaded or refused, in bounded time, and what is loaded can be matched") func fuzz() throws {
    let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../policy/falco")
    let files = try FileManager.default.contentsOfDirectory(atPath: directory.path).filter { $0.hasSuffix(".yaml") }
    var seeds: [[UInt8]] = []
    for file in files.sorted() {
      let text = try String(contentsOf: directory.appending(path: file), encoding: .utf8)
      // One rule, macro or list each: what is small is tried often.
      for item in text.split(separator: "\n- ") { seeds.append(Array("- \(item)\n".utf8)) }
    }
    try #require(seeds.count > 50)
    var run = FuzzRun("rules")
    var (loaded, refused) = (0, 0)
    while run.goesOn {
      let seed = seeds.randomElement(using: &run.random) ?? []
      let other = seeds.randomElement(using: &run.random) ?? []
      let bytes = run.random.mutate(Bool.random(using: &run.random) ? seed + other : seed, words: Self.words)
      let text = String(decoding: bytes, as: UTF8.self)
      let begin = ContinuousClock.now
      var loader = RuleLoader()
      let result = loader.load(text, file: "fuzz.yaml")
      _ = result.report(["fuzz.yaml": text])
      if result.isSuccessful {
        loaded += 1
        try match(loader.compiled())
      } else {
        refused += 1
      }
      let time = ContinuousClock.now - begin
      #expect(time < .seconds(5), "\(time) for \(text.debugDescription)")
    }
    #expect(loaded > 0 && refused > 0, "seed \(run.seed)")
  }

  private func match(_ rules: CompiledRules) throws {
    for event in [
      #"{evt.type: openat, fd.name: /etc/shadow, proc.name: cat, container.id: c, evt.res: SUCCESS, fd.num: 3}"#,
      #"{evt.type: execve, proc.name: sh, proc.cmdline: "sh -c id", proc.args: "-c id", container.id: c, user.uid: 0}"#,
      #"{evt.type: connect, fd.sip: 10.96.0.1, fd.sport: 443, fd.l4proto: tcp, proc.name: nc, container.id: c}"#,
    ] {
      let sample = try SampleEvent(Manifest.parseOne(event, source: "event"))
      sample.bind(to: rules)
      let matcher = Matcher(rules, source: sample)
      matcher.match()
      for rule in matcher.matches { _ = matcher.output(of: rule) }
    }
  }
}
