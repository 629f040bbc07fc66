import AgentModel
import ChildProcess
import Faults
import Foundation
import Images
import Testing

@Suite("The image store", .enabled(if: canUnpackImages), .timeLimit(.minutes(2))) struct ImageStoreTests {
  @Test("unpacks a layout once, with what the image says of its program") func unpacksLayout() async throws {
    try await ImageFixture.with { fixture in
      let layout = try await fixture.layout("layout", of: try await fixture.root("root"))
      let store = fixture.store()
      let reference = try fixture.reference("oci:\(layout):1.0")
      async let first = store.resolve(reference)
      async let second = store.resolve(reference)
      let (image, same) = try await (first, second)
      #expect(image == same)
      #expect(image.configuration.command == ["/bin/sh", "-c", "true"])
      #expect(image.configuration.env == ["PATH": "/bin", "EMPTY": "", "EQUALS": "a=b"])
      #expect(image.configuration.directory == "/etc")
      #expect(image.rootDirectory == "\(fixture.storeDirectory)/sha256-\(image.digest.dropFirst(7))/rootfs")
      #expect(access("\(image.rootDirectory)/bin/busybox", X_OK) == 0)
      #expect(fixture.leftovers.isEmpty)
      let mode = try FileManager.default.attributesOfItem(atPath: fixture.storeDirectory)[.posixPermissions] as? Int
      #expect(mode == 0o700)
      let owner = try FileManager.default.attributesOfItem(atPath: "\(image.rootDirectory)/bin/busybox")
      #expect(owner[.ownerAccountName] as? String == fixture.user)
      for path in [
        "proc", "sys", "dev", "tmp", "workspace", "vault/secrets", "etc/resolv.conf", "etc/hosts", "etc/hostname",
      ] {
        #expect(access("\(image.rootDirectory)/\(path)", F_OK) == 0, "\(path)")
      }
      let reopened = try await fixture.store().resolve(reference)
      #expect(reopened == image)
    }
  }

  @Test("tells a directory from its look-alike") func lookAlike() async throws {
    try await ImageFixture.with { fixture in
      let store = fixture.store()
      let real = try await fixture.root("real", "echo good > etc/word; touch -d @0 etc/word")
      let fake = "\(fixture.sources)/fake"
      let script = "cp -a \"$0\" \"$1\" && echo evil > \"$1\"/etc/word && touch -d @0 \"$1\"/etc/word"
      try await Command("sh", ["-c", script, real, fake]).check()
      let first = try await store.resolve(try fixture.reference("dir:\(fake)"))
      let second = try await store.resolve(try fixture.reference("dir:\(real)"))
      #expect(first.digest != second.digest)
      #expect(try String(contentsOfFile: "\(second.rootDirectory)/etc/word", encoding: .utf8) == "good\n")
    }
  }

  @Test("reads nothing of a layout again but whether its index changed") func isRemembered() async throws {
    try await ImageFixture.with { fixture in
      let layout = try await fixture.layout("layout", of: try await fixture.root("root"))
      let store = fixture.store()
      let reference = try fixture.reference("oci:\(layout):1.0")
      let image = try await store.resolve(reference)
      try FileManager.default.removeItem(atPath: "\(layout)/blobs")
      #expect(try await store.resolve(reference) == image)
    }
  }

  @Test("takes the only image of a layout without a tag, and an archive of it is the same image")
  func archive() async throws {
    try await ImageFixture.with { fixture in
      let layout = try await fixture.layout("layout", of: try await fixture.root("root"), tag: nil)
      try await Command("tar", ["-C", layout, "-cf", "\(fixture.sources)/a.tar", "index.json", "oci-layout", "blobs"])
        .check()
      try await Command("tar", ["-C", layout, "-cf", "\(fixture.sources)/b.tar", "."]).check()
      let direct = try await fixture.store().resolve(try fixture.reference("oci:\(layout)"))
      let archived = ImageStore(directory: "\(fixture.directory)/second", user: fixture.user)
      for name in ["a.tar", "b.tar"] {
        let image = try await archived.resolve(try fixture.reference("oci-archive:\(fixture.sources)/\(name)"))
        #expect(image.digest == direct.digest)
        #expect(image.configuration == direct.configuration)
        #expect(access("\(image.rootDirectory)/bin/busybox", X_OK) == 0)
      }
    }
  }

  @Test("copies a directory, and sees when it has changed") func directory() async throws {
    try await ImageFixture.with { fixture in
      let root = try await fixture.root("root", "ln -s /run/systemd/resolve/stub-resolv.conf etc/resolv.conf")
      let store = fixture.store()
      let reference = try fixture.reference("dir:\(root)")
      let image = try await store.resolve(reference)
      let again = try await store.resolve(reference)
      #expect(image == again)
      #expect(image.configuration == ImageConfiguration())
      let resolver = try FileManager.default.attributesOfItem(atPath: "\(image.rootDirectory)/etc/resolv.conf")
      #expect(resolver[.type] as? FileAttributeType == .typeRegular)
      try "new".write(toFile: "\(root)/etc/issue", atomically: false, encoding: .utf8)
      let changed = try await store.resolve(reference)
      #expect(changed.digest != image.digest)
      #expect(access("\(root)/proc", F_OK) != 0, "the source was written to")
    }
  }

  @Test("removes what nobody uses, and what was cut short") func collects() async throws {
    try await ImageFixture.with { fixture in
      let first = try fixture.reference("dir:\(try await fixture.root("first"))")
      let second = try fixture.reference("dir:\(try await fixture.root("second", "echo > etc/issue"))")
      try FileManager.default.createDirectory(
        atPath: "\(fixture.storeDirectory)/staging-old", withIntermediateDirectories: true)
      try FileManager.default.createDirectory(
        atPath: "\(fixture.storeDirectory)/sha256-half/rootfs", withIntermediateDirectories: true)
      let store = fixture.store(grace: .zero)
      let kept = try await store.resolve(first)
      let unused = try await store.resolve(second)
      try await store.collect(keeping: [kept.digest])
      #expect(access(kept.rootDirectory, F_OK) == 0)
      #expect(access(unused.rootDirectory, F_OK) != 0)
      #expect(fixture.leftovers.isEmpty)
      #expect(access("\(fixture.storeDirectory)/sha256-half", F_OK) != 0)
      let back = try await store.resolve(second)
      #expect(access(back.rootDirectory, F_OK) == 0)
      try await fixture.store().collect(keeping: [])
    }
  }

  @Test("keeps an image that was asked for just now") func grace() async throws {
    try await ImageFixture.with { fixture in
      let store = fixture.store()
      let image = try await store.resolve(try fixture.reference("dir:\(try await fixture.root("root"))"))
      try await store.collect(keeping: [])
      #expect(access(image.rootDirectory, F_OK) == 0)
    }
  }

  @Test("says which tags there are, which file is missing, which user") func namesWhatIsMissing() async throws {
    try await ImageFixture.with { fixture in
      let layout = try await fixture.layout("layout", of: try await fixture.root("root"))
      let store = fixture.store()
      let noTag = await #expect(throws: Fault.self) { try await store.resolve(fixture.reference("oci:\(layout):2.0")) }
      #expect(noTag?.code == .notFound)
      #expect(noTag?.reason == "it has no tag '2.0'; it has: 1.0")
      for text in ["oci:/nowhere/x:1", "dir:/nowhere/x", "oci-archive:/nowhere/x.tar"] {
        let absent = await #expect(throws: Fault.self) { try await store.resolve(fixture.reference(text)) }
        #expect(absent?.code == .notFound)
        #expect(absent?.reason.contains("/nowhere/x") == true)
      }
      let nobody = ImageStore(directory: fixture.storeDirectory, user: "lobstack-absent")
      let noUser = await #expect(throws: Fault.self) {
        try await nobody.resolve(fixture.reference("oci:\(layout):1.0"))
      }
      #expect(noUser?.reason.contains("'lobstack-absent'") == true)
    }
  }

  @Test("tells of a registry that does not answer") func registry() async throws {
    try await ImageFixture.with { fixture in
      let reference = try fixture.reference("docker://127.0.0.1:1/agent:1.0")
      let fault = await #expect(throws: Fault.self) { try await fixture.store().resolve(reference) }
      #expect(fault?.reason.contains("127.0.0.1:1") == true, "\(String(describing: fault))")
      #expect(fixture.leftovers.isEmpty)
    }
  }
}
