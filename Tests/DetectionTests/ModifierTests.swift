import Testing

@testable import Detection

@Suite("A modifier of an operator")
struct ModifierTests {
  private func matches(_ condition: String) throws -> Bool {
    let event = "{evt.type: openat, proc.name: Bash, proc.pid: 100, proc.exepath: /usr/bin/bash, fd.sip: 8.8.8.8}"
    return try LoadedRules(condition: condition).matches(event) == ["r"]
  }

  @Test(
    "asks for any, for exactly one or for all",
    arguments: [
      ("proc.name = anyof (zsh, Bash)", true), ("proc.name = anyof (zsh, bash)", false),
      ("proc.name = anyof (Bash, Bash)", true), ("proc.name = oneof (zsh, Bash)", true),
      ("proc.name = oneof (Bash, Bash)", false), ("proc.name = allof (Bash, Bash)", true),
      ("proc.name = allof (Bash, zsh)", false), ("proc.name != oneof (Bash, zsh)", true),
      ("proc.name != anyof (Bash, zsh)", true), ("proc.name != allof (Bash, zsh)", false),
      ("proc.name != allof (bash, zsh)", true), ("proc.name startswith oneof (B, Ba)", false),
      ("proc.name startswith anyof (B, x)", true), ("proc.name startswith allof (B, Ba)", true),
      ("proc.name contains oneof (as, x, y)", true), ("proc.name contains allof (as, sh)", true),
      ("proc.name icontains allof (BA, sh)", true), ("proc.name glob anyof (x*, ?ash)", true),
      ("proc.name iglob oneof (b*, x*)", true), ("proc.name iglob oneof (b*, \"*h\")", false),
      ("proc.name endswith allof (h, ash, x)", false), ("proc.name regex allof (\"B.*\", \".*h\")", true),
      ("proc.name regex oneof (\"B.*\", \".*h\")", false), ("proc.pid = anyof (1, 100)", true),
      ("proc.pid = oneof (100, 100)", false), ("proc.pid != allof (1, 2)", true),
      ("fd.sip = anyof (1.1.1.1, 8.8.8.8)", true), ("fd.sip != allof (1.1.1.1, 8.8.8.8)", false),
    ])
  func values(condition: String, isTrue: Bool) throws {
    #expect(try matches(condition) == isTrue)
    #expect(try matches("not \(condition)") != isTrue)
  }

  @Test("needs a value to be there", arguments: ["anyof", "oneof", "allof"])
  func empty(modifier: String) throws { #expect(try !matches("proc.name = \(modifier) ()")) }
}
