import AgentModel
import Faults
import Glibc

/// Tells whether a file is the same as before without reading it.
struct FileIdentity: Hashable, Sendable {
  private let device: UInt64
  private let inode: UInt64
  private let size: Int64
  private let modified: [Int]

  /// - Throws: `Fault` `.notFound` when there is no such file.
  init(_ path: String, of reference: ImageReference) throws {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw Fault(
        .notFound, operation: "use image \(reference)", reason: "\(path): \(String(cString: strerror(errno)))",
        remedy: "correct spec.image, or put the image there")
    }
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    size = Int64(status.st_size)
    modified = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
  }
}

extension ImageReference {
  /// The file whose identity stands for the image's; `nil` where only looking at all of it can tell.
  var identityFile: String? {
    switch transport {
    case .oci: "\(location)/index.json"
    case .ociArchive: location
    case .docker, .dir: nil
    }
  }
}

extension ImageUser {
  /// Reads a small file of an image's source, if this user might have read it too.
  ///
  /// This process is root, so the permission bits are checked by hand: of the opened file, and of each directory above
  /// the place where it really lies.
  ///
  /// - Throws: `Fault` `.denied` naming the path that is closed, `.notFound`, `.invalid` when it is no plain file or
  ///   larger than `limit` bytes.
  func read(_ path: String, limit: Int, of reference: ImageReference) throws -> [UInt8] {
    let place = try located(path, of: reference)
    defer { close(place) }
    // The very file that was judged, opened now that it is known to be one.
    let descriptor = open("/proc/self/fd/\(place)", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { throw absent(path, reference) }
    defer { close(descriptor) }
    return try readFile(descriptor, path: path, limit: limit, of: reference)
  }

  /// - Throws: `Fault` `.denied` when this user could not list the directory.
  func requireDirectory(_ path: String, of reference: ImageReference) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY)
    guard descriptor >= 0 else { throw absent(path, reference) }
    defer { close(descriptor) }
    try requireAccess(descriptor, path: path, of: reference)
  }

  /// - Throws: `Fault` `.denied` when this user could not read the file, however large it is.
  func requireReadable(_ path: String, of reference: ImageReference) throws {
    close(try located(path, of: reference))
  }

  /// The file as a place only (open(2), O_PATH): to open a device can do something by itself.
  private func located(_ path: String, of reference: ImageReference) throws -> Int32 {
    let place = open(path, Self.pathOnly | O_CLOEXEC)
    guard place >= 0 else { throw absent(path, reference) }
    do {
      var status = stat()
      guard fstat(place, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
        throw Fault(
          .invalid, operation: "use image \(reference)", reason: "\(path) is not a plain file",
          remedy: "correct spec.image")
      }
      try requireAccess(place, path: path, of: reference)
      return place
    } catch {
      close(place)
      throw error
    }
  }

  /// `O_PATH`, which the Glibc module leaves out.
  private static let pathOnly: Int32 = 0o10000000

  private func requireAccess(_ descriptor: Int32, path: String, of reference: ImageReference) throws {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw absent(path, reference) }
    let isDirectory = status.st_mode & S_IFMT == S_IFDIR
    guard allows(status, read: true, search: isDirectory) else { throw closed(path, path, reference) }
    // Where it really lies: the path may lead through links.
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/fd/\(descriptor)", &buffer, buffer.count)
    guard count > 0 else { throw absent(path, reference) }
    var place = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    while let slash = place.lastIndex(of: "/") {
      place = String(place[..<slash])
      guard stat(place.isEmpty ? "/" : place, &status) == 0 else { throw absent(path, reference) }
      guard allows(status, read: false, search: true) else { throw closed(place, path, reference) }
    }
  }

  private func allows(_ status: stat, read: Bool, search: Bool) -> Bool {
    let shift: mode_t = status.st_uid == uid ? 6 : status.st_gid == gid ? 3 : 0
    let bits = (status.st_mode >> shift) & 7
    return (!read || bits & 4 != 0) && (!search || bits & 1 != 0)
  }

  private func closed(_ place: String, _ path: String, _ reference: ImageReference) -> Fault {
    Fault(
      .denied, operation: "use image \(reference)",
      reason: place == path ? "user \(name) may not read \(path)" : "user \(name) may not enter \(place)",
      remedy: place == path
        ? "let everyone read the image: chmod -R o+rX \(reference.location)"
        : "let everyone enter that directory: chmod o+x \(place), or move the image elsewhere")
  }

  private func absent(_ path: String, _ reference: ImageReference) -> Fault {
    Fault(
      .notFound, operation: "use image \(reference)", reason: "\(path): \(String(cString: strerror(errno)))",
      remedy: "correct spec.image, or put the image there")
  }
}

/// Reads an open file whole, if it is plain and no larger than `limit` bytes.
func readFile(_ descriptor: Int32, path: String, limit: Int, of reference: ImageReference) throws -> [UInt8] {
  var status = stat()
  guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= limit else {
    throw Fault(
      .invalid, operation: "use image \(reference)", reason: "\(path) is not a plain file of at most \(limit) bytes",
      remedy: "build the image again")
  }
  var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
  var filled = 0
  while filled < bytes.count {
    let count = bytes.withUnsafeMutableBytes {
      pread(descriptor, $0.baseAddress?.advanced(by: filled), $0.count - filled, filled)
    }
    guard count > 0 else {
      throw Fault(
        .failed, operation: "use image \(reference)", reason: "\(path) cannot be read to its end",
        remedy: "mend the file system, or build the image again")
    }
    filled += count
  }
  return bytes
}
