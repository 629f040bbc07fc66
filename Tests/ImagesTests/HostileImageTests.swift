import AgentModel
import ChildProcess
import Faults
import Foundation
import Images
import Testing

/// An image that breaks a rule: as a directory, and as a layer where a tar can hold it.
struct HostileImage: Sendable, CustomTestStringConvertible {
  var testDescription: String
  /// Run in a root file system to make it so.
  var script = "true"
  var tar: [String] = []
  /// What the fault has to say.
  var reason: String
  var asDirectory = true
  var asLayer = true
}

@Suite("A hostile image is refused, by the path in it:", .enabled(if: canUnpackImages), .timeLimit(.minutes(2)))
struct HostileImageTests {
  static let images = [
    HostileImage(
      testDescription: "character device", script: "mkdir dev; mknod dev/mem c 1 1",
      reason: "/dev/mem in it is a device node"),
    HostileImage(testDescription: "block device", script: "mknod disk b 254 0", reason: "/disk in it is a device node"),
    HostileImage(testDescription: "named pipe", script: "mkfifo etc/pipe", reason: "/etc/pipe in it is a named pipe"),
    HostileImage(
      testDescription: "socket",
      script: "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"s\")'", reason: "/s in it is a socket",
      asLayer: false),
    HostileImage(
      testDescription: "setuid program", script: "cp bin/busybox bin/su; chmod 4755 bin/su",
      reason: "/bin/su in it is setuid (mode 4755)"),
    HostileImage(
      testDescription: "setgid program", script: "cp bin/busybox bin/wall; chmod 2755 bin/wall",
      reason: "/bin/wall in it is setgid (mode 2755)"),
    HostileImage(
      testDescription: "climbing link", script: "ln -s ../../../etc/shadow etc/passwd",
      reason: "/etc/passwd in it is a link that leads out of the image: ../../../etc/shadow"),
    HostileImage(
      testDescription: "hard link to a file outside", script: "echo > ../outside; ln ../outside etc/inside",
      reason: "/etc/inside in it is a hard link to a file outside: it has 2 names, 1 of them here", asLayer: false),
    HostileImage(
      testDescription: "hard link that climbs", script: "ln bin/busybox bin/second",
      tar: ["--transform", "flags=h;s,.*busybox$,../../../etc/shadow,"],
      reason: "is a hard link that leads out of the image: ../../../etc/shadow", asDirectory: false),
    HostileImage(
      testDescription: "name that climbs", script: "echo > etc/cron",
      tar: ["--transform", "flags=r;s,^./etc/cron,../../etc/cron,"],
      reason: "../../etc/cron in it has a name that leads out of the image", asDirectory: false),
    HostileImage(
      testDescription: "mount point that is a link", script: "ln -s /etc workspace",
      reason: "/workspace in it is a link, and something is mounted there"),
    HostileImage(
      testDescription: "mount point above which is a link", script: "ln -s /etc vault",
      reason: "/vault in it is a link, and something is mounted there"),
    HostileImage(
      testDescription: "mount point that is a file", script: "echo > proc", reason: "/proc in it is not a directory"),
  ]

  @Test("directory", arguments: images.filter(\.asDirectory)) func directory(image: HostileImage) async throws {
    try await ImageFixture.with { fixture in
      let root = try await fixture.root("root", image.script)
      try await expectRefusal("dir:\(root)", image.reason, fixture)
    }
  }

  @Test("layer", arguments: images.filter(\.asLayer)) func layer(image: HostileImage) async throws {
    try await ImageFixture.with { fixture in
      let layout = try await fixture.layout("layout", of: try await fixture.root("root", image.script), tar: image.tar)
      try await expectRefusal("oci:\(layout):1.0", image.reason, fixture)
    }
  }

  @Test("what the image user may not read") func unreadable() async throws {
    try await ImageFixture.with { fixture in
      let root = try await fixture.root("root", "echo secret > etc/key; chmod 0600 etc/key")
      let layout = try await fixture.layout("layout", of: try await fixture.root("open"))
      try await expectRefusal("dir:\(root)", "etc/key", fixture, code: .denied)
      chmod("\(layout)/index.json", 0o600)
      try await expectRefusal(
        "oci:\(layout):1.0", "user lobstack-image may not read \(layout)/index.json", fixture, code: .denied)
      chmod("\(layout)/index.json", 0o644)
      chmod("\(layout)/blobs", 0o700)
      try await expectRefusal("oci:\(layout):1.0", "user lobstack-image may not", fixture, code: .denied)
      chmod("\(layout)/blobs", 0o755)
      chmod(fixture.sources, 0o700)
      try await expectRefusal(
        "oci:\(layout):1.0", "user lobstack-image may not enter \(fixture.sources)", fixture, code: .denied)
      try await expectRefusal(
        "dir:\(root)", "user lobstack-image may not enter \(fixture.sources)", fixture, code: .denied)
    }
  }

  @Test("a layer whose contents are not its digest's") func forgedLayer() async throws {
    try await ImageFixture.with { fixture in
      let layout = try await fixture.layout("layout", of: try await fixture.root("root"))
      let blobs = try FileManager.default.contentsOfDirectory(atPath: "\(layout)/blobs/sha256").map {
        "\(layout)/blobs/sha256/\($0)"
      }
      let sizes = try blobs.map { ($0, try FileManager.default.attributesOfItem(atPath: $0)[.size] as? Int ?? 0) }
      let layer = try #require(sizes.max { $0.1 < $1.1 }?.0)
      // One byte within busybox.
      try await Command("sh", ["-c", #"printf X | dd of="$0" bs=1 seek=100000 conv=notrunc status=none"#, layer])
        .check()
      try await expectRefusal("oci:\(layout):1.0", "digest mismatch", fixture, code: .failed)
    }
  }

  @Test(
    "documents that are not what they ought to be",
    arguments: [
      ("{", "index.json in it is not what an OCI image layout has there"),
      (#"{"schemaVersion":2,"manifests":[]}"#, "it holds 0 images"),
      (
        #"{"schemaVersion":2,"manifests":[{"digest":"sha256:../../../etc/passwd","size":1}]}"#,
        "'sha256:../../../etc/passwd' in it is not a sha256 digest"
      ),
    ])
  func brokenIndex(index: String, reason: String) async throws {
    try await ImageFixture.with { fixture in
      let layout = try await fixture.layout("layout", of: try await fixture.root("root"))
      try index.write(toFile: "\(layout)/index.json", atomically: true, encoding: .utf8)
      try await expectRefusal("oci:\(layout)", reason, fixture)
      try await Command("tar", ["-C", layout, "-cf", "\(fixture.sources)/a.tar", "."]).check()
      try await expectRefusal("oci-archive:\(fixture.sources)/a.tar", reason, fixture)
    }
  }

  @Test("a layer that is a named pipe, whose reader would wait for ever") func pipeForLayer() async throws {
    try await ImageFixture.with { fixture in
      let layout = try await fixture.layout("layout", of: try await fixture.root("root"))
      // The largest blob is the layer.
      let script = "cd \"$0\"/blobs/sha256 && layer=$(ls -S | head -n 1) && rm $layer && mkfifo -m 644 $layer"
      try await Command("sh", ["-c", script, layout]).check()
      try await Command("tar", ["-C", layout, "-cf", "\(fixture.sources)/a.tar", "."]).check()
      try await expectRefusal("oci-archive:\(fixture.sources)/a.tar", "a layer of it is not a plain file", fixture)
      try await expectRefusal("oci:\(layout):1.0", "a layer of it is not a plain file", fixture)
    }
  }

  @Test("a device, which is not even opened") func device() async throws {
    try await ImageFixture.with { fixture in
      try await expectRefusal("oci-archive:/dev/null", "/dev/null is not a plain file", fixture)
    }
  }

  @Test("a file that is no archive") func noArchive() async throws {
    try await ImageFixture.with { fixture in
      try "nothing".write(toFile: "\(fixture.sources)/a.tar", atomically: true, encoding: .utf8)
      try await expectRefusal(
        "oci-archive:\(fixture.sources)/a.tar", "is not a tar archive of an OCI image layout", fixture)
    }
  }

  /// Without a code, the image is expected to be at fault: `.invalid` or `.notFound`.
  private func expectRefusal(_ text: String, _ reason: String, _ fixture: ImageFixture, code: Fault.Code? = nil)
    async throws
  {
    let reference = try fixture.reference(text)
    let fault = await #expect(throws: Fault.self) { try await fixture.store().resolve(reference) }
    let found = try #require(fault)
    #expect(code == nil ? [.invalid, .notFound].contains(found.code) : found.code == code, "\(found)")
    #expect(found.reason.contains(reason), "\(found)")
    #expect(found.operation.contains(text), "\(found)")
    #expect(!found.remedy.isEmpty)
    // Nothing half-made remains.
    let rest = (try? FileManager.default.contentsOfDirectory(atPath: fixture.storeDirectory)) ?? []
    #expect(rest == [], "\(rest)")
  }
}
