import SeededRandom
import Testing

@testable import GuestTrace

@Suite("A path that a program passes")
struct GuestPathTests {
  private func resolve(_ path: String, in directory: String) -> String {
    var result = Array("before".utf8)
    Array(path.utf8).withUnsafeBytes { path in
      Array(directory.utf8).withUnsafeBytes { GuestPath.resolve(path, in: $0, into: &result) }
    }
    return String(decoding: result, as: UTF8.self)
  }

  @Test(
    "becomes whole",
    arguments: [
      ("/etc/passwd", "/workspace", "/etc/passwd"), ("a", "/workspace", "/workspace/a"), ("a", "/", "/a"),
      ("a", "", "/a"), ("", "/workspace", "/workspace"), ("", "", "/"), (".", "/a", "/a"), ("..", "/a", "/"),
      ("..", "/", "/"), ("..", "", "/"), ("../..", "/a", "/"), ("../b", "/a/c", "/a/b"), ("./a/./b", "/", "/a/b"),
      ("//etc///passwd", "/w", "/etc/passwd"), ("/etc/", "/w", "/etc"), ("/../../etc", "/w", "/etc"),
      ("/a/b/../../c", "/w", "/c"), ("/a/../..", "/w", "/"), ("...", "/a", "/a/..."), ("..a", "/", "/..a"),
      ("a..", "/", "/a.."), ("/.", "/w", "/"), ("x", "/a/./b/..", "/a/x"), ("/a b/\n", "/", "/a b/\n"),
      ("é/../ü", "/", "/ü"), ("a", "socket:[1]", "/socket:[1]/a"), ("../x", "relative", "/x"),
    ])
  func whole(path: String, directory: String, expected: String) { #expect(resolve(path, in: directory) == expected) }

  @Test("is resolved once and for all, whatever it is", arguments: 0..<4 as Range<UInt64>) func random(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let pieces = ["/", "..", ".", "a", "b", "//", "\u{0}", "é", "..."]
    func text() -> String {
      (0..<Int.random(in: 0...9, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
    }
    for _ in 0..<3_000 {
      let path = resolve(text(), in: text())
      #expect(path.hasPrefix("/"))
      let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
      #expect(path == "/" || !parts.contains { $0.isEmpty || $0 == "." || $0 == ".." }, "\(path)")
      #expect(resolve(path, in: "/w") == path)
    }
  }

  @Test("has a name at its end", arguments: [("/a/b", "b"), ("b", "b"), ("/", ""), ("", ""), ("a/", ""), ("/x", "x")])
  func baseName(path: String, name: String) { #expect(GuestPath.baseName(Array(path.utf8)) == Array(name.utf8)) }

  @Test(
    "of a program gives its name, which its arguments cannot hide",
    arguments: [
      ("/bin/bash", "bash", "bash"), ("/bin/bash", "-bash", "bash"), ("/tmp/xmrig", "sshd", "xmrig"),
      ("/bin/busybox", "cat", "cat"), ("/bin/busybox", "/bin/cat", "cat"), ("/bin/busybox", "-sh", "sh"),
      ("/usr/bin/python3.11", "python3", "python3"), ("/usr/bin/python3.11", "/usr/bin/python", "python"),
      ("/usr/bin/python3.11", "ruby", "python3.11"), ("/bin/busybox", "", "busybox"), ("/bin/busybox", "-", "busybox"),
      ("/bin/busybox", String(repeating: "x", count: 65), "busybox"), ("/bin/ls", "/", "ls"), ("", "", ""),
      ("/usr/bin/coreutils", "ls", "ls"), ("/tmp/busybox-evil", "cat", "busybox-evil"),
    ])
  func program(binary: String, called: String, name: String) {
    #expect(ProgramName.of(binary: Array(binary.utf8), called: Array(called.utf8)) == Array(name.utf8))
  }
}
