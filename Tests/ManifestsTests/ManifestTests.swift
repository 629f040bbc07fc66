import Faults
import Manifests
import Testing

@Suite("A manifest") struct ManifestTests {
  @Test("knows the line and path of every value") func places() throws {
    let document = try Manifest.parseOne("a: 1\nb:\n  - c: x\n", source: "f.yaml")
    var fields = try Fields(document)
    _ = fields.take("a")
    let item = try #require(try fields.require("b").list().first)
    var inner = try Fields(item)
    #expect("\(try inner.require("c").place)" == "f.yaml:3 b[0].c")
  }

  @Test("names an unknown field with those that exist") func unknownField() throws {
    var fields = try Fields(try Manifest.parseOne("known: 1\nother: 2\n", source: "f.yaml"))
    _ = fields.take("known")
    let fault = try #require(throws: Fault.self) { try fields.finish() }
    #expect(fault.description == "cannot read f.yaml:2 other: unknown field 'other'; use one of: known")
  }

  @Test(
    "is refused with its place when the YAML is broken",
    arguments: ["a: [1", "a: b: c", "\t- x", "a: 1\na: 2", "&a [*a, *b]", "a: *nobody"])
  func broken(text: String) throws {
    let fault = try #require(throws: Fault.self) { try Manifest.parseOne(text, source: "f.yaml") }
    #expect(fault.code == .invalid)
    #expect(fault.operation.contains("f.yaml"))
  }

  @Test("names the line of a key that is given twice") func duplicate() throws {
    let fault = try #require(throws: Fault.self) {
      try Manifest.parseOne("x: 1\na:\n  b: 1\n  b: 2\n", source: "f.yaml")
    }
    #expect(fault.operation == "read f.yaml:3" && fault.reason == "the key 'b' is given twice")
  }

  @Test(
    "is bounded against nesting, aliases and size",
    arguments: [
      String(repeating: "[", count: 100_000),
      String(repeating: "- ", count: 50_000) + "x",
      "a: &a [x,x,x,x,x,x,x,x]\n"
        + ["ab", "bc", "cd", "de", "ef", "fg"].map { pair in
          let names = Array(pair)
          return "\(names[1]): &\(names[1]) [" + repeatElement("*\(names[0])", count: 9).joined(separator: ",") + "]\n"
        }.joined(),
      "a: &a [x,x]\nb: &b [*a,*a]\n? *b\n: x\n", "&a a: 1\n*a : 2\n",
      String(repeating: "x", count: 2 << 20),
    ])
  func bounded(text: String) {
    #expect(throws: Fault.self) { try Manifest.parseOne(text, source: "f.yaml") }
  }

  @Test("takes what only looks like an alias for the text that it is")
  func emphasis() throws {
    let text = "a: \"*b* &c\"\nd: |\n  * one & *two*\ne: 2 * 3 && 4\n"
    let entries = try Manifest.parseOne(text, source: "f.yaml").entries()
    #expect(try entries.map { try $0.value.string() } == ["*b* &c", "* one & *two*\n", "2 * 3 && 4"])
  }

  @Test("never traps on random bytes") func fuzz() {
    var random = SystemRandomNumberGenerator()
    let alphabet = Array("abc:-[]{}&*!|>'\"%@`#,? \n\t01~\u{0}ä")
    for _ in 0..<3_000 {
      let text = String((0..<Int.random(in: 0..<60, using: &random)).map { _ in alphabet.randomElement() ?? "a" })
      _ = try? Manifest.parse(text, source: "fuzz")  // refusing is as good as reading; only a trap would fail
    }
  }
}
