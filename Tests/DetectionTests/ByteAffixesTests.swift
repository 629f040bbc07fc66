import SeededRandom
import Testing

@testable import Detection

@Suite("Beginnings, ends and parts of texts")
struct ByteAffixesTests {
  @Test("are found where they are, and nowhere else", arguments: 0..<8 as Range<UInt64>) func random(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    func text(_ longest: Int) -> [UInt8] {
      // Few letters, so that many are nearly alike.
      (0..<Int.random(in: 0...longest, using: &random)).map { _ in
        UInt8(ascii: "/") + UInt8.random(in: 0...2, using: &random)
      }
    }
    var found = 0
    for _ in 0..<300 {
      let strings = (0..<Int.random(in: 1...12, using: &random)).map { _ in text(Int.random(in: 1...6, using: &random))
      }
      let (start, end) = (ByteAffixes(strings, at: .start), ByteAffixes(strings, at: .end))
      let anywhere = ByteAffixes(strings, at: .anywhere)
      for _ in 0..<20 {
        let text = text(20)
        text.withUnsafeBytes { bytes in
          let isStart = strings.contains { text.starts(with: $0) }
          let isEnd = strings.contains { text.reversed().starts(with: $0.reversed()) }
          let isThere = strings.contains { string in
            string.isEmpty || (0..<max(text.count, 1)).contains { text.dropFirst($0).starts(with: string) }
          }
          #expect(start.match(bytes) == isStart)
          #expect(end.match(bytes) == isEnd)
          #expect(anywhere.match(bytes) == isThere)
          if isThere { found += 1 }
        }
      }
    }
    #expect(found > 0 && found < 6_000)
  }

  @Test(
    "of several alternatives are asked together, with the same answers as one by one",
    arguments: [
      ["fd.name startswith /etc", "fd.name startswith /usr/b", "fd.name startswith oneof (/x, /etc/p)"],
      ["fd.name endswith wd", "fd.name endswith anyof (.so, sswd)", "fd.name endswith /sh"],
      ["fd.name contains passw", "fd.name contains \"\"", "fd.name contains zz"],
      ["proc.name = bash", "proc.name in (sh, dash)", "proc.name = sh", "proc.name != bash"],
      ["proc.pid = 7", "proc.pid in (8, 9)", "proc.pid = 100", "proc.pid > 99"],
      ["proc.aname = sshd", "proc.aname in (bash, x)", "proc.aname startswith s", "proc.aname startswith q"],
      ["fd.types in (ipv4, file)", "fd.types in (file)", "fd.types intersects (unix, file)"],
      ["fd.sip = \"1.2.3.4\"", "fd.sip in (\"::1\", \"5.6.7.8\")", "fd.snet = \"5.6.0.0/16\""],
    ])
  func alternatives(conditions: [String]) throws {
    for number in 0..<(1 << conditions.count) where number > 0 {
      let chosen = conditions.indices.filter { number & 1 << $0 != 0 }.map { conditions[$0] }
      let together = try LoadedRules(condition: chosen.joined(separator: " or "))
      for event in Self.events {
        let alone = try chosen.contains { try !LoadedRules(condition: $0).matches(event).isEmpty }
        #expect(try !together.matches(event).isEmpty == alone, "\(chosen) of \(event)")
      }
    }
  }

  private static let events = [
    #"{"evt.type": "openat", "fd.name": "/etc/passwd", "proc.name": "bash", "proc.pid": 7, "fd.types": ["file"]}"#,
    #"{"evt.type": "openat", "fd.name": "/usr/bin/sh", "proc.name": "dash", "proc.pid": 9, "fd.types": ["ipv4", "file"]}"#,
    #"{"evt.type": "openat", "fd.name": "", "proc.name": "x", "proc.pid": 100, "fd.sip": "5.6.7.8"}"#,
    #"{"evt.type": "openat", "proc.aname": ["sh", "sshd"], "fd.sip": "1.2.3.4", "fd.types": ["unix"]}"#,
    #"{"evt.type": "openat"}"#,
  ]
}
