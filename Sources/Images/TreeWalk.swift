import Glibc

/// One entry of a directory tree, as lstat(2) tells it.
struct TreeEntry: Hashable, Sendable {
  /// Path from the root of the tree, beginning with `/`; bytes that are not UTF-8 appear as U+FFFD.
  var path: String
  /// Type and permission bits.
  var mode: mode_t
  var size: Int64
  var modifiedSeconds: Int
  var modifiedNanoseconds: Int
  /// Time of the last change of the inode, in nanoseconds since 1970: no author can set it.
  var changed: Int
  var links: UInt
  var device: UInt
  var inode: UInt
  /// Of a symbolic link.
  var target: String?

  var kind: mode_t { mode & S_IFMT }
}

/// How large a tree may be.
struct TreeLimits: Hashable, Sendable {
  var bytes: Int64
  var entries: Int
  /// Levels of directories; deeper ones cannot be named with a path anyway (PATH_MAX).
  var depth = 256

  static let standard = TreeLimits(bytes: 20 << 30, entries: 2_000_000)
}

/// A step of a walk that the file system refused.
struct TreeWalkFailure: Error, CustomStringConvertible {
  var path: String
  var code: Int32
  var description: String { "\(path): \(String(cString: strerror(code)))" }
}

/// Visits every entry below a directory, parents first, each directory's names in byte order; follows no link.
///
/// Every directory is opened from its parent's descriptor with `O_NOFOLLOW`, so that a tree which changes meanwhile
/// cannot lead the walk out of itself. The root itself is visited as `/`.
func walkTree(_ root: String, depth: Int = TreeLimits.standard.depth, visit: (TreeEntry) throws -> Void) throws {
  let descriptor = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0 else { throw TreeWalkFailure(path: root, code: errno) }
  var status = stat()
  guard fstat(descriptor, &status) == 0 else {
    close(descriptor)
    throw TreeWalkFailure(path: root, code: errno)
  }
  try visit(TreeEntry(path: "/", status: status, target: nil))
  try walkDirectory(descriptor, path: "", depth: depth, visit: visit)
}

/// Takes over `descriptor`.
private func walkDirectory(_ descriptor: Int32, path: String, depth: Int, visit: (TreeEntry) throws -> Void) throws {
  guard let stream = fdopendir(descriptor) else {
    let code = errno
    close(descriptor)
    throw TreeWalkFailure(path: path, code: code)
  }
  defer { closedir(stream) }
  guard depth > 0 else { throw TreeWalkFailure(path: path, code: ENAMETOOLONG) }
  for name in try names(in: stream, path: path) {
    let place = "\(path)/\(String(decoding: name.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))"
    var status = stat()
    guard fstatat(dirfd(stream), name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
      throw TreeWalkFailure(path: place, code: errno)
    }
    var target: String?
    if status.st_mode & S_IFMT == S_IFLNK {
      var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
      let count = readlinkat(dirfd(stream), name, &buffer, buffer.count)
      guard count >= 0 else { throw TreeWalkFailure(path: place, code: errno) }
      target = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
    try visit(TreeEntry(path: place, status: status, target: target))
    guard status.st_mode & S_IFMT == S_IFDIR else { continue }
    let child = openat(dirfd(stream), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard child >= 0 else { throw TreeWalkFailure(path: place, code: errno) }
    try walkDirectory(child, path: place, depth: depth - 1, visit: visit)
  }
}

/// The names in a directory, each ended by a zero byte, in byte order.
private func names(in stream: OpaquePointer, path: String) throws -> [[CChar]] {
  var names: [[CChar]] = []
  while true {
    errno = 0
    guard let entry = readdir(stream) else { break }
    let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
      Array(bytes.prefix { $0 != 0 }.map(CChar.init(bitPattern:))) + [0]
    }
    if name != [46, 0], name != [46, 46, 0] { names.append(name) }
    guard names.count <= TreeLimits.standard.entries else { throw TreeWalkFailure(path: path, code: E2BIG) }
  }
  guard errno == 0 else { throw TreeWalkFailure(path: path, code: errno) }
  return names.sorted { left, right in
    left.lexicographicallyPrecedes(right) { UInt8(bitPattern: $0) < UInt8(bitPattern: $1) }
  }
}

extension TreeEntry {
  fileprivate init(path: String, status: stat, target: String?) {
    self.init(
      path: path, mode: status.st_mode, size: Int64(status.st_size), modifiedSeconds: status.st_mtim.tv_sec,
      modifiedNanoseconds: status.st_mtim.tv_nsec,
      changed: status.st_ctim.tv_sec &* 1_000_000_000 &+ status.st_ctim.tv_nsec, links: UInt(status.st_nlink),
      device: UInt(status.st_dev),
      inode: UInt(status.st_ino), target: target)
  }
}
