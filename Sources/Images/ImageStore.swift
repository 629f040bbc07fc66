import AgentModel
import ChildProcess
import Faults
import FoundationEssentials
import Glibc
import Turns

/// The images of this machine: each unpacked once, by its digest, and shared read-only.
///
/// `<directory>/sha256-…/{rootfs,image.json}` lies below a directory that only root can enter. A tree under
/// `staging-…` is on its way in or out; what is left of one when the store opens was cut short and is removed.
///
/// Every program that reads an image runs as an unprivileged user, so an image is read only as far as that user may
/// read. Registry credentials are not kept: a registry has to serve the image to everyone.
package actor ImageStore {
  let directory: String
  private let userName: String
  /// An image that was asked for this recently is kept even though nobody uses it yet.
  private let grace: Duration

  private var user: ImageUser?
  private var images: [String: StoredImage] = [:]
  private var unpacking: [String: Task<StoredImage, any Error>] = [:]
  /// Images that are fetched and unpacked at the same time; those that are here wait for none of them.
  private let turn = Turn(places: 4)
  private var asked: [String: ContinuousClock.Instant] = [:]
  private var known: [ImageReference: KnownSource] = [:]
  private static let mostKnown = 10_000

  private struct KnownSource {
    var identity: FileIdentity
    var source: ImageSource
  }

  /// Nothing is touched before the first call.
  package init(
    directory: String, user: String = InstanceLayout.User.images, grace: Duration = .seconds(300)
  ) {
    self.directory = directory
    self.userName = user
    self.grace = grace
  }

  /// Finds the image, unpacking it when its digest is not here yet; callers that want the same one share the work.
  ///
  /// A registry's tag is looked up when no unpacked image came from it, like Kubernetes' `imagePullPolicy:
  /// IfNotPresent`: an agent starts again while the registry is away. The other transports are looked at every time.
  ///
  /// - Throws: `Fault` `.notFound` (no such image, tool or user), `.denied` (the image user may not read it), `.invalid`
  ///   (the image breaks a rule; the reason names the path in it), `.exhausted` (disk or limit), `.conflict` (it
  ///   changed while it was read).
  package func resolve(_ reference: ImageReference) async throws -> ResolvedImage {
    let user = try await open()
    if reference.transport == .docker, let image = images.values.first(where: { $0.reference == reference }) {
      return use(image)
    }
    let source = try await source(of: reference, user: user)
    if let image = images[source.digest] { return use(image) }
    if let running = unpacking[source.digest] { return use(try await running.value) }
    let work = Unpacking(reference: reference, source: source, user: user, store: directory)
    // Awaited below, and by every other caller of the same digest: one who gives up must not end it for them.
    let task = Task { [turn] in try await turn.take { try await work.run() } }
    unpacking[source.digest] = task
    defer { unpacking[source.digest] = nil }
    let image = try await task.value
    images[image.digest] = image
    return use(image)
  }

  /// Removes every image that is neither named here nor asked for in the last minutes.
  ///
  /// - Throws: `Fault` `.failed` when a tree cannot be removed; it is tried again when the store is opened next.
  package func collect(keeping digests: Set<String>) async throws {
    _ = try await open()
    let now = ContinuousClock.now
    asked = asked.filter { now - $0.value < grace }
    for digest in images.keys.sorted() where !digests.contains(digest) && asked[digest] == nil {
      // Renamed first: half a tree must never be found under its digest.
      let leaving = "\(directory)/staging-\(AgentUID.random())"
      guard rename("\(directory)/\(StoredImage.name(of: digest))", leaving) == 0 || errno == ENOENT else {
        throw Fault(
          .failed, operation: "remove image \(digest)", reason: "rename: \(String(cString: strerror(errno)))",
          remedy: "mend the file system of \(directory)")
      }
      images[digest] = nil
      known = known.filter { $0.value.source.digest != digest }
      try await removeTree(leaving)
    }
  }

  private func use(_ image: StoredImage) -> ResolvedImage {
    asked[image.digest] = .now
    return image.resolved(in: directory)
  }

  private func source(of reference: ImageReference, user: ImageUser) async throws -> ImageSource {
    let identity = try reference.identityFile.map { try FileIdentity($0, of: reference) }
    if let identity, let known = known[reference], known.identity == identity { return known.source }
    let source = try await ImageSource.find(reference, user: user)
    if let identity {
      if known.count >= Self.mostKnown { known = [:] }
      known[reference] = KnownSource(identity: identity, source: source)
    }
    return source
  }

  /// Once: makes the directory, removes what was cut short, reads what is there.
  private func open() async throws -> ImageUser {
    if let user { return user }
    let found = try ImageUser.find(userName)
    do {
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    } catch {
      throw Fault(
        .failed, operation: "open the image store \(directory)", reason: "the directory cannot be made",
        remedy: "mend the file system", cause: error)
    }
    guard chown(directory, 0, 0) == 0, chmod(directory, 0o700) == 0 else {
      throw Fault(
        .failed, operation: "open the image store \(directory)",
        reason: "it cannot be closed to others: \(String(cString: strerror(errno)))", remedy: "run as root")
    }
    // A second caller that comes in while the first one removes leftovers finds the store open: nothing of its own can
    // be among the names read here.
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted()
    user = found
    for name in names where name.hasPrefix("sha256-") {
      // One without a readable description was never finished: it is unpacked again over a fresh name.
      if let image = StoredImage.read(from: "\(directory)/\(name)"), StoredImage.name(of: image.digest) == name {
        images[image.digest] = image
      } else {
        try await removeTree("\(directory)/\(name)")
      }
    }
    for name in names where name.hasPrefix("staging-") { try await removeTree("\(directory)/\(name)") }
    return found
  }
}

/// Removes a tree whose contents are not to be trusted: never through a link, never into another file system.
func removeTree(_ path: String) async throws {
  try await Command("rm", ["-rf", "--one-file-system", "--", path]).check(timeout: .seconds(300))
}
