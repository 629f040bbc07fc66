import APIModel
import AgentModel
import ChildProcess
import Foundation
import Testing

/// Runs `scripts/image` with the program under test, and the program in the image that it makes.
@Suite("The container image", .enabled(if: rootTests), .timeLimit(.minutes(2))) struct ContainerImageTests {
  private static let script = URL(filePath: #filePath).appending(path: "../../../scripts/image").standardizedFileURL
    .path

  private func run(
    _ arguments: [String], umask: String = "022", environment: [String: String] = [:]
  ) async throws -> CommandResult {
    var whole = Command.defaultEnvironment
    // Where Swift is, and where there is room.
    for name in ["PATH", "TMPDIR"] { whole[name] = ProcessInfo.processInfo.environment[name] }
    whole.merge(environment) { $1 }
    let words = ["-c", "umask \(umask); exec \"$@\"", "sh", Self.script] + arguments
    return try await Command("sh", words, environment: whole).run(timeout: .seconds(60))
  }

  private func withDirectory<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let directory = FileManager.default.temporaryDirectory.appending(path: "lobstack-image-\(UUID())").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    // A directory left in the temporary directory does no harm.
    defer { try? FileManager.default.removeItem(atPath: directory) }
    return try await body(directory)
  }

  @Test("is the same whoever makes it, and has the program, what that needs, and nothing else to run") func image()
    async throws
  {
    try await withDirectory { directory in
      var digests: [String] = []
      for (name, umask, zone) in [("one", "022", "UTC"), ("two", "077", "Asia/Tokyo")] {
        let words = ["--binary", TestPlatform.binary, "--output", "\(directory)/\(name)"]
        let result = try await run(words, umask: umask, environment: ["TZ": zone])
        try #require(result.status == .exited(0), "\(result.standardError)")
        digests.append(try String(contentsOfFile: "\(directory)/\(name)/digest", encoding: .utf8))
      }
      #expect(digests[0] == digests[1])

      let layout = "\(directory)/one/oci:\(LobstackVersion.current)"
      #expect(
        try await Command("skopeo", ["inspect", "--format", "{{.Digest}}", "oci:\(layout)"]).check() == digests[0])
      try await describesItself(layout)
      try await Command("umoci", ["unpack", "--image", layout, "\(directory)/bundle"]).check()
      let root = "\(directory)/bundle/rootfs"
      try await holdsNothingElse(root)
      try listsItsParts(root, bill: "\(directory)/one/lobstack.cdx.json")
      try await runs(root)
    }
  }

  private func describesItself(_ layout: String) async throws {
    struct Image: Decodable {
      struct Settings: Decodable {
        var User: String
        var Entrypoint: [String]
        var StopSignal: String
        var Labels: [String: String]
      }
      var created: String
      var config: Settings
    }
    let text = try await Command("skopeo", ["inspect", "--config", "oci:\(layout)"]).check()
    let image = try JSONDecoder().decode(Image.self, from: Data(text.utf8))
    #expect(image.config.User == "65532:65532")
    #expect(image.config.Entrypoint == ["/usr/bin/lobstack"])
    #expect(image.config.StopSignal == "SIGTERM")
    let labels = image.config.Labels
    #expect(labels["org.opencontainers.image.version"] == LobstackVersion.current)
    #expect(labels["org.opencontainers.image.licenses"] == "Apache-2.0")
    #expect(labels["org.opencontainers.image.created"] == image.created)
    #expect(labels["org.opencontainers.image.revision"]?.contains(/^[0-9a-f]{40}(-dirty)?$/) == true, "\(labels)")
  }

  private func holdsNothingElse(_ root: String) async throws {
    let programs = try await Command("find", [root, "-type", "f", "-perm", "/111", "-printf", "%P\n"]).check()
    #expect(
      programs.split(separator: "\n").sorted() == ["lib64/ld-linux-x86-64.so.2", "usr/bin/lobstack"], "\(programs)")
    let odd = try await Command(
      "find",
      [
        root, "-mindepth", "1", "(", "-perm", "/6000", "-o", "!", "-type", "f", "!", "-type", "d", "-o", "!", "-uid",
        "0",
        "-o", "!", "-gid", "0", "-o", "-perm", "/022", ")", "-printf", "%m %y %P\n",
      ]
    ).check()
    #expect(odd == "1777 d tmp\n")
  }

  private func listsItsParts(_ root: String, bill path: String) throws {
    struct Bill: Decodable {
      struct Component: Decodable { var purl: String }
      var components: [Component]
    }
    let bytes = try Data(contentsOf: URL(filePath: path))
    #expect(try Data(contentsOf: URL(filePath: "\(root)/usr/share/lobstack/lobstack.cdx.json")) == bytes)
    let listed = try JSONDecoder().decode(Bill.self, from: bytes).components.map { $0.purl.split(separator: "?")[0] }
    let packages = "\(root)/var/lib/dpkg/status.d"
    let names = try FileManager.default.contentsOfDirectory(atPath: packages)
    for needed in ["ca-certificates", "libc6", "libre2"] {
      #expect(names.contains { $0.hasPrefix(needed) }, "\(names)")
    }
    for name in names {
      let status = try String(contentsOfFile: "\(packages)/\(name)", encoding: .utf8)
      let version = try #require(status.firstMatch(of: /\nVersion: (.*)\n/)).output.1.replacing("+", with: "%2B")
      #expect(listed.contains { $0.hasPrefix("pkg:deb/") && $0.hasSuffix("/\(name)@\(version)") }, "\(name) \(version)")
    }
    // One that Package.swift names, and one that only its packages need.
    for package in ["swift-nio", "swift-collections"] { #expect(listed.contains { $0.contains("/\(package)@") }) }
    #expect(Set(listed).count == listed.count)
  }

  private func runs(_ root: String) async throws {
    // What every container runtime adds; Swift reads a program's arguments there.
    try FileManager.default.createDirectory(atPath: "\(root)/proc", withIntermediateDirectories: false)
    let entry = [
      "--pid", "--fork", "--mount", "--mount-proc", "--root", root, "--setuid", "65532", "--setgid", "65532",
    ]
    func inside(_ arguments: String...) async throws -> CommandResult {
      try await Command("unshare", entry + ["/usr/bin/lobstack"] + arguments).run()
    }
    #expect(try await inside("version").standardOutput == "lobstack \(LobstackVersion.current)\n")
    try """
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec: {containers: [{name: web, image: web, securityContext: {privileged: true}}]}
    """.write(toFile: "\(root)/tmp/pod.yaml", atomically: true, encoding: .utf8)
    let review = try await inside("admission", "review", "-f", "/tmp/pod.yaml")
    #expect(review.status == .exited(1) && review.standardOutput.contains("no-privileged-containers"), "\(review)")
  }

  @Test(
    "is not made of what is no program, nor over files of others",
    arguments: [
      (["--colour", "red"], Int32(2), "usage: scripts/image"), (["--output"], 2, "usage: scripts/image"),
      (["--binary", "/nowhere"], 1, "/nowhere is no program"), (["--binary", "/bin/false"], 1, "does not run here"),
      (["--output", "/etc"], 1, "/etc is there and holds no image"),
    ])
  func refuses(arguments: [String], code: Int32, sentence: String) async throws {
    let result = try await run(arguments)
    #expect(result.status == .exited(code))
    #expect(result.standardError.contains(sentence), "\(result)")
  }

  @Test("is not made with a library whose origin nobody knows") func foreignLibrary() async throws {
    try await withDirectory { directory in
      let listing = try await Command("ldd", [TestPlatform.binary]).check()
      let library = String(try #require(listing.firstMatch(of: #/(/\S*/libre2\.so\S*) /#)).output.1)
      let copy = "\(directory)/\(URL(filePath: library).lastPathComponent)"
      try Data(contentsOf: URL(filePath: library)).write(to: URL(filePath: copy))
      let result = try await run(
        ["--binary", TestPlatform.binary, "--output", "\(directory)/image"], environment: ["LD_LIBRARY_PATH": directory]
      )
      #expect(result.status == .exited(1))
      #expect(result.standardError.contains("\(copy) is of no Debian package"), "\(result)")
      #expect(!FileManager.default.fileExists(atPath: "\(directory)/image"))
    }
  }
}
