import AgentModel
import ChildProcess
import Crypto
import Dispatch
import Faults
import Glibc

/// Where an image's contents are, with the digest that they are to have.
enum ImageSource: Hashable, Sendable {
  /// A layout on disk; the manifest is chosen already.
  case layout(directory: String, entry: OCILayout.Descriptor, manifest: OCILayout.Descriptor)
  case archive(file: String, entry: OCILayout.Descriptor)
  /// A registry's repository without tag or digest.
  case registry(repository: String, digest: String)
  case directory(path: String, digest: String)

  var digest: String {
    switch self {
    case .layout(_, let entry, _), .archive(_, let entry): entry.digest
    case .registry(_, let digest), .directory(_, let digest): digest
    }
  }

  private static let patience = Duration.seconds(60)

  /// Looks at the image's source, and writes nothing.
  static func find(_ reference: ImageReference, user: ImageUser) async throws -> ImageSource {
    switch reference.transport {
    case .oci:
      let layout = OCILayout(reference: reference) { path, limit in
        try user.read("\(reference.location)/\(path)", limit: limit, of: reference)
      }
      let entry = try layout.entry()
      _ = try layout.path(of: entry)
      return .layout(directory: reference.location, entry: entry, manifest: try layout.manifest(of: entry))
    case .ociArchive:
      try user.requireReadable(reference.location, of: reference)
      let index = try await archiveIndex(reference, user: user)
      let layout = OCILayout(reference: reference) { _, _ in index }
      let entry = try layout.entry()
      _ = try layout.path(of: entry)
      return .archive(file: reference.location, entry: entry)
    case .docker:
      let (repository, digest) = splitRegistryName(reference.location)
      if let digest {
        guard isDigest(digest) else {
          throw Fault(
            .invalid, operation: "use image \(reference)", reason: "'\(digest.prefix(100))' is not a sha256 digest",
            remedy: "correct spec.image")
        }
        return .registry(repository: repository, digest: digest)
      }
      let answer =
        try await user.run(
          user.command(
            "skopeo", ["inspect", "--no-tags", "--format", "{{.Digest}}", reference.description], network: true),
          on: reference, timeout: patience
        ).split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
      guard isDigest(answer) else {
        throw Fault(
          .failed, operation: "use image \(reference)", reason: "the registry names no sha256 digest of it",
          remedy: "name the digest in spec.image: docker://\(repository)@sha256:…")
      }
      return .registry(repository: repository, digest: answer)
    case .dir:
      try user.requireDirectory(reference.location, of: reference)
      return .directory(path: reference.location, digest: try await directoryDigest(reference.location, reference))
    }
  }

  /// What a directory is, as a digest: paths, kinds, modes, sizes, link targets, and which files they are with the time
  /// of their last change, so that a look-alike is another image. The contents of the files are not read. The tree is
  /// held to the rules on the way.
  static func directoryDigest(_ path: String, _ reference: ImageReference) async throws -> String {
    try await offPool {
      var rules = TreeRules(reference: reference)
      var hash = SHA256()
      do {
        try walkTree(path) { entry in
          try rules.visit(entry)
          // A directory's size and time change with what is in it, which is hashed for itself.
          let isDirectory = entry.kind == S_IFDIR
          let line =
            "\(entry.path)\0\(entry.mode) \(isDirectory ? 0 : entry.size) \(isDirectory ? 0 : entry.modifiedSeconds) "
            + "\(isDirectory ? 0 : entry.modifiedNanoseconds) \(entry.target ?? "")\0"
            + "\(isDirectory ? "" : "\(entry.device) \(entry.inode) \(entry.changed)")\n"
          hash.update(data: Array(line.utf8))
        }
      } catch let failure as TreeWalkFailure {
        throw Fault(
          .failed, operation: "use image \(reference)", reason: "\(failure)", remedy: "mend the directory and try again"
        )
      }
      try rules.finish()
      return text(of: hash.finalize())
    }
  }

  /// The index.json of an archive, read by tar as the image user.
  private static func archiveIndex(_ reference: ImageReference, user: ImageUser) async throws -> [UInt8] {
    // Archives are written with and without `./`; tar fails for the name that is not there and prints the other.
    let result = try await user.command(
      "tar", ["--extract", "--to-stdout", "--file", reference.location, "index.json", "./index.json"]
    ).run(timeout: patience)
    guard !result.standardOutput.isEmpty else {
      guard !result.standardError.lowercased().contains("permission denied") else {
        throw user.failure(of: reference, message: result.standardError, status: result.status)
      }
      throw Fault(
        .invalid, operation: "use image \(reference)",
        reason: "\(reference.location) is not a tar archive of an OCI image layout",
        remedy: "make it with: skopeo copy … oci-archive:FILE:TAG")
    }
    return Array(result.standardOutput.utf8)
  }

  /// `host/name:tag` and `host/name@digest` to their repository and digest.
  static func splitRegistryName(_ name: String) -> (repository: String, digest: String?) {
    let parts = name.split(separator: "@", maxSplits: 1)
    var repository = parts.first ?? ""
    // A colon before the last slash belongs to the registry's port.
    if let colon = repository.lastIndex(of: ":"), !repository[colon...].contains("/") {
      repository = repository[..<colon]
    }
    return (String(repository), parts.count == 2 ? String(parts[1]) : nil)
  }
}

/// Long walks over file systems run here, not on Swift's few threads.
private let fileQueue = DispatchQueue(label: "lobstack.images", attributes: .concurrent)

func offPool<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    fileQueue.async { continuation.resume(with: Result { try work() }) }
  }
}
