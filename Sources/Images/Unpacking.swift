import AgentModel
import ChildProcess
import Faults
import FoundationEssentials
import Glibc

/// Brings one image from its source into the store: whole under its digest, or not at all.
struct Unpacking: Sendable {
  let reference: ImageReference
  let source: ImageSource
  let user: ImageUser
  let store: String

  private static let patience = Duration.seconds(900)
  private static let layoutTag = "image"

  func run() async throws -> StoredImage {
    let disk = DiskGuard(directory: store, reference: reference)
    try disk.require()
    let staging = "\(store)/staging-\(AgentUID.random())"
    do {
      guard mkdir(staging, 0o700) == 0, lchown(staging, user.uid, user.gid) == 0 else {
        throw failure("make \(staging)")
      }
      return try await disk.watch { try await fill(staging, disk: disk) }
    } catch {
      // The reason of the failure matters more than a leftover, which goes when the store is opened next.
      try? await removeTree(staging)
      throw error
    }
  }

  private func fill(_ staging: String, disk: DiskGuard) async throws -> StoredImage {
    let root = "\(staging)/\(StoredImage.rootName)"
    var configuration = ImageConfiguration()
    switch source {
    case .layout(let directory, _, let manifest):
      try linkLayout(directory, manifest: manifest, staging: staging)
      let layout = OCILayout(reference: reference) { path, limit in
        try user.read("\(directory)/\(path)", limit: limit, of: reference)
      }
      configuration = try await unpack(layout, manifest: manifest, staging: staging, disk: disk)
    case .archive(let file, let entry):
      try await tool("mkdir", ["layout"], staging)
      try await tool("tar", ["--extract", "--file", file, "--directory", "layout", "--no-same-owner"], staging)
      configuration = try await unpackOwnLayout(expecting: entry.digest, staging: staging, disk: disk)
    case .registry(let repository, let digest):
      try await tool(
        "skopeo",
        [
          "copy", "--override-os", "linux", "docker://\(repository)@\(digest)",
          "oci:\(ImageUser.stagingMount)/layout:\(Self.layoutTag)",
        ], staging, network: true)
      // skopeo checks the digest; what it wrote may be a conversion with a digest of its own.
      configuration = try await unpackOwnLayout(expecting: nil, staging: staging, disk: disk)
    case .directory(let path, let digest):
      try await tool(
        "cp", ["-dR", "--preserve=mode,timestamps,links", "--", "\(path)/.", StoredImage.rootName], staging)
      guard try await ImageSource.directoryDigest(path, reference) == digest else { throw changed }
    }
    try await offPool { try judgeTree(root) }
    try makeMountPoints(in: root, user: user, of: reference)
    return try await store(staging, configuration)
  }

  /// A layout in the staging directory that consists of the chosen manifest alone, its blobs where they are.
  private func linkLayout(_ directory: String, manifest: OCILayout.Descriptor, staging: String) throws {
    let layout = "\(staging)/layout"
    guard mkdir(layout, 0o755) == 0, symlink("\(directory)/blobs", "\(layout)/blobs") == 0 else {
      throw failure("make \(layout)")
    }
    try writeIndex(manifest, layout: layout)
  }

  private func writeIndex(_ manifest: OCILayout.Descriptor, layout: String) throws {
    var entry = manifest
    entry.platform = nil
    entry.annotations = ["org.opencontainers.image.ref.name": Self.layoutTag]
    // umoci takes an entry without a type for one that it does not know.
    entry.mediaType = manifest.mediaType ?? "application/vnd.oci.image.manifest.v1+json"
    let version = Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8)
    do {
      let index = try JSONEncoder().encode(OCILayout.Index(manifests: [entry]))
      // Removed before: what an archive put there may be a link.
      for (name, bytes) in [("index.json", Data(index)), ("oci-layout", Data(version))] {
        unlink("\(layout)/\(name)")
        try bytes.write(to: URL(filePath: "\(layout)/\(name)"), options: .withoutOverwriting)
        guard chmod("\(layout)/\(name)", 0o644) == 0 else { throw failure("write \(layout)/\(name)") }
      }
    } catch {
      throw Fault(
        .exhausted, operation: "unpack image \(reference)", reason: "\(layout) cannot be written",
        remedy: "free disk space", cause: error)
    }
  }

  /// A layout that a tool of the image user wrote here: read without following a link at a name's end, and every
  /// document but the index held to its digest.
  private func unpackOwnLayout(expecting digest: String?, staging: String, disk: DiskGuard) async throws
    -> ImageConfiguration
  {
    var expected = reference
    if digest == nil { expected = ImageReference("oci:/staging:\(Self.layoutTag)") ?? reference }
    let layout = OCILayout(reference: expected) { path, limit in
      let file = "\(staging)/layout/\(path)"
      let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
      guard descriptor >= 0 else { throw failure("read \(path) of the image") }
      defer { close(descriptor) }
      return try readFile(descriptor, path: path, limit: limit, of: reference)
    }
    let entry = try layout.entry()
    guard digest == nil || entry.digest == digest else { throw changed }
    let manifest = try layout.manifest(of: entry)
    try writeIndex(manifest, layout: "\(staging)/layout")
    return try await unpack(layout, manifest: manifest, staging: staging, disk: disk)
  }

  private func unpack(
    _ layout: OCILayout, manifest: OCILayout.Descriptor, staging: String, disk: DiskGuard
  ) async throws -> ImageConfiguration {
    let (contents, configuration) = try layout.contents(of: manifest)
    let listing = LayerListing(reference: reference)
    for layer in contents.layers {
      try requirePlain("\(staging)/layout/\(try layout.path(of: layer))")
      try await listing.check("layout/\(try layout.path(of: layer))", user: user, staging: staging)
    }
    try disk.require(bytes: listing.total.bytes)
    let mount = ImageUser.stagingMount
    try await tool(
      "umoci",
      [
        "raw", "unpack", "--rootless", "--image", "\(mount)/layout:\(Self.layoutTag)",
        "\(mount)/\(StoredImage.rootName)",
      ],
      staging)
    return configuration
  }

  /// A pipe in a blob's place would keep its reader waiting; what it leads to through a link is the source's own blob.
  private func requirePlain(_ blob: String) throws {
    var status = stat()
    guard stat(blob, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw Fault(
        .invalid, operation: "unpack image \(reference)", reason: "a layer of it is not a plain file",
        remedy: "build the image again")
    }
  }

  private func tool(_ name: String, _ arguments: [String], _ staging: String, network: Bool = false) async throws {
    try await user.run(
      user.command(name, arguments, staging: staging, network: network), on: reference, timeout: Self.patience)
  }

  /// The tree as it is now, which is what agents will see.
  private func judgeTree(_ root: String) throws {
    var rules = TreeRules(reference: reference)
    do {
      try walkTree(root) { try rules.visit($0) }
    } catch let error as TreeWalkFailure {
      throw Fault(
        .failed, operation: "unpack image \(reference)", reason: "\(error)", remedy: "build the image again")
    }
    try rules.finish()
  }

  /// Describes the tree, makes it durable and gives it its name, in this order.
  private func store(_ staging: String, _ configuration: ImageConfiguration) async throws -> StoredImage {
    let image = StoredImage(digest: source.digest, reference: reference, configuration: configuration)
    try await removeTree("\(staging)/layout")
    guard lchown(staging, 0, 0) == 0, chmod(staging, 0o700) == 0 else { throw failure("close \(staging)") }
    do {
      try image.write(to: staging)
    } catch {
      throw Fault(
        .exhausted, operation: "unpack image \(reference)", reason: "its description cannot be written",
        remedy: "free disk space", cause: error)
    }
    // A name that outlives a power cut while the files under it do not would be taken for a whole image.
    try await Command("sync", ["--file-system", staging]).check(timeout: .seconds(300))
    let place = "\(store)/\(StoredImage.name(of: image.digest))"
    guard rename(staging, place) == 0 else { throw failure("move the tree to \(place)") }
    return image
  }

  private var changed: Fault {
    Fault(
      .conflict, operation: "unpack image \(reference)", reason: "\(reference.location) changed while it was read",
      remedy: "try again when nobody writes to it")
  }

  private func failure(_ what: String) -> Fault {
    Fault(
      .failed, operation: "unpack image \(reference)", reason: "cannot \(what): \(String(cString: strerror(errno)))",
      remedy: "free disk space, or mend the file system")
  }
}
