import Foundation
import Testing

/// Runs `scripts/setup --check` on machines that it must refuse, made of stand-in programs on PATH.
@Suite("The set-up") struct SetupTests {
  @Test(
    "refuses a machine that cannot run the platform, in one clear sentence",
    arguments: [
      (["uname": "echo Darwin arm64"], "setup: Lobstack runs on Linux x86-64, but this is"),
      (["uname": linux, "id": "echo 1000"], "setup: Lobstack needs root"),
      (["uname": linux, "id": "echo 0"], "setup: Swift 6.2 or newer is missing"),
      (
        ["uname": linux, "id": "echo 0", "swift": "echo Swift version 5.9.2"],
        "setup: Lobstack needs Swift 6.2 or newer"
      ),
    ])
  func refuses(programs: [String: String], sentence: String) throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "lobstack-setup-\(UUID())")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer {
      // A directory left in the temporary directory does no harm.
      try? FileManager.default.removeItem(at: directory)
    }
    for (name, script) in programs {
      let file = directory.appending(path: name)
      try "#!/bin/sh\n\(script)\n".write(to: file, atomically: true, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path())
    }
    let (code, output) = try House.run(
      ["sh", "scripts/setup", "--check"], environment: ["PATH": "\(directory.path()):/usr/bin:/bin"])
    let text = String(decoding: output, as: UTF8.self)
    #expect(code == 1)
    #expect(text.hasPrefix(sentence), "\(text)")
    #expect(text.split(separator: "\n").count == 1, "\(text)")
  }
}

/// A `uname` that answers -s and -m as this platform's.
private let linux = #"if [ "$1" = -s ]; then echo Linux; else echo x86_64; fi"#
