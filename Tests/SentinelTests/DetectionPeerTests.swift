import Testing

@testable import Sentinel

@Suite("Who connects to the trace socket") struct DetectionPeerTests {
  /// As /proc has it.
  private func line(_ words: [String]) -> String { words.map { "\($0)\0" }.joined() }

  private static let container = "t.0123456789abcdef"

  @Test("is the sandbox that runsc starts") func started() throws {
    let words = [
      "runsc", "--root=/x", "run", "-detach", "-pid-file", "f", "-bundle", "b", Self.container,
    ]
    let peer = try #require(TracePeer(commandLine: line(words)))
    #expect(peer.container == Self.container)
    #expect(!peer.isLate)
  }

  @Test("is late when runsc begins a session in a sandbox that runs") func late() throws {
    let words = [
      "/usr/local/bin/runsc", "--root=/x", "--platform=systrap", "trace", "create", "-force", "-config", "F",
      Self.container,
    ]
    let peer = try #require(TracePeer(commandLine: line(words)))
    #expect(peer.container == Self.container)
    #expect(peer.isLate)
  }

  @Test("is late by what runsc does, not by any other word", arguments: ["trace", "--trace", "traces"])
  func words(word: String) throws {
    for words in [
      [word, "run", "-bundle", "b", Self.container], ["runsc", "--\(word)", "run", Self.container],
      ["runsc", "run", "-bundle", word, Self.container], ["runsc", "run", "-bundle", "b", word],
    ] {
      let peer = try #require(TracePeer(commandLine: line(words)))
      #expect(!peer.isLate, "\(words)")
      #expect(peer.container == words.last)
    }
  }

  @Test("may have a command line without its last byte") func cut() throws {
    let peer = try #require(TracePeer(commandLine: "runsc\0run\0\(Self.container)"))
    #expect(peer.container == Self.container)
  }

  @Test(
    "is nobody with a command line that names no sandbox or nothing to do",
    arguments: [
      [], [""], ["runsc"], ["runsc", "run"], ["runsc", "trace"], ["runsc", "--root=/x", "-detach", "--"],
      ["", "", "runsc", "", "run", ""], ["runsc run -bundle b t.0123456789abcdef"],
    ] as [[String]]) func nobody(words: [String])
  {
    #expect(TracePeer(commandLine: line(words)) == nil)
  }
}
