import AgentModel
import ChildProcess
import Foundation
import Images
import Testing

/// A directory with image sources and a store of its own; everything is removed at the end.
struct ImageFixture: Sendable {
  let directory: String
  let user: String

  var storeDirectory: String { "\(directory)/store" }
  var sources: String { "\(directory)/sources" }

  static func with(_ body: (ImageFixture) async throws -> Void) async throws {
    let fixture = ImageFixture(directory: "/tmp/lobstack-images-\(AgentUID.random())", user: InstanceLayout.User.images)
    if getpwnam(fixture.user) == nil {
      try await Command("useradd", ["--system", "--no-create-home", "--shell", "/usr/sbin/nologin", fixture.user])
        .check()
    }
    try FileManager.default.createDirectory(atPath: fixture.sources, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: fixture.directory) }
    chmod(fixture.directory, 0o755)
    chmod(fixture.sources, 0o755)
    try await body(fixture)
  }

  func store(grace: Duration = .seconds(300)) -> ImageStore {
    ImageStore(directory: storeDirectory, user: user, grace: grace)
  }

  /// Names in the store's directory that are not whole images.
  var leftovers: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: storeDirectory)) ?? []).filter { !$0.hasPrefix("sha256-") }
  }

  func reference(_ text: String) throws -> ImageReference { try #require(ImageReference(text)) }

  /// A root file system of busybox, changed by a shell script that runs in it.
  @discardableResult
  func root(_ name: String, _ script: String = "true") async throws -> String {
    let root = "\(sources)/\(name)"
    let setup = """
      set -e; umask 022; mkdir -p "$0/bin" "$0/etc"; cp /bin/busybox "$0/bin/busybox"; ln -s busybox "$0/bin/sh"
      ln -s /bin/busybox "$0/bin/absolute"; cd "$0"; \(script)
      """
    try await Command("sh", ["-c", setup, root]).check()
    return root
  }

  /// An OCI layout of one layer: a tar of the tree, made with further options of tar.
  func layout(_ name: String, of root: String, tag: String? = "1.0", tar options: [String] = []) async throws -> String
  {
    let layout = "\(sources)/\(name)"
    let blobs = "\(layout)/blobs/sha256"
    try FileManager.default.createDirectory(atPath: blobs, withIntermediateDirectories: true)
    try await Command(
      "tar", ["--create", "--absolute-names", "--file", "\(layout)/layer", "--directory", root] + options + ["."]
    ).check()
    let layer = try await add("\(layout)/layer", to: blobs)
    let config = try await add(
      text: #"{"architecture":"amd64","os":"linux","config":{"Entrypoint":["/bin/sh"],"Cmd":["-c","true"],"#
        + #""Env":["PATH=/bin","EMPTY=","EQUALS=a=b"],"WorkingDir":"/etc"},"rootfs":{"type":"layers","diff_ids":["\#(layer.digest)"]}}"#,
      to: blobs)
    let manifest = try await add(
      text:
        #"{"schemaVersion":2,"config":\#(config.json("config.v1+json")),"layers":[\#(layer.json("layer.v1.tar"))]}"#,
      to: blobs)
    let annotations = tag.map { #","annotations":{"org.opencontainers.image.ref.name":"\#($0)"}"# } ?? ""
    try #"{"imageLayoutVersion":"1.0.0"}"#.write(toFile: "\(layout)/oci-layout", atomically: true, encoding: .utf8)
    try #"{"schemaVersion":2,"manifests":[\#(manifest.json("manifest.v1+json", annotations))]}"#
      .write(toFile: "\(layout)/index.json", atomically: true, encoding: .utf8)
    return layout
  }

  private struct Blob {
    var digest: String
    var size: Int
    func json(_ type: String, _ more: String = "") -> String {
      #"{"mediaType":"application/vnd.oci.image.\#(type)","digest":"\#(digest)","size":\#(size)\#(more)}"#
    }
  }

  private func add(text: String, to blobs: String) async throws -> Blob {
    try text.write(toFile: "\(blobs)/new", atomically: false, encoding: .utf8)
    return try await add("\(blobs)/new", to: blobs)
  }

  private func add(_ file: String, to blobs: String) async throws -> Blob {
    let sum = try await Command("sha256sum", [file]).check().prefix(64)
    let size = try #require(try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int)
    try FileManager.default.moveItem(atPath: file, toPath: "\(blobs)/\(sum)")
    return Blob(digest: "sha256:\(sum)", size: size)
  }
}

/// Root and the tools are needed; CI sets REQUIRE_ROOT_TESTS, so that a missing one fails instead of being skipped.
let canUnpackImages =
  ProcessInfo.processInfo.environment["REQUIRE_ROOT_TESTS"] == "1"
  || (getuid() == 0 && ["umoci", "skopeo", "busybox", "setpriv"].allSatisfy { Command.locate($0) != nil })
