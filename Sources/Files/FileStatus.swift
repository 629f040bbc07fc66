import Glibc

/// What the system says of a file (stat(2)).
package struct FileStatus: Sendable {
  package let owner: UInt32
  package let links: Int
  /// Bytes.
  package let size: Int
  /// Permissions, without the kind of file.
  package let mode: UInt32
  package let device: UInt64
  package let inode: UInt64
  /// Of the last reading and the last change, for utimensat(2).
  package let times: [timespec]
  /// The last change, in seconds since 1970 and nanoseconds: whoever owns the file may have set any.
  package let changed: [Int]
  /// The last change of anything about it, likewise: no program sets it at will.
  package let inodeChanged: [Int]
  package let isRegular: Bool
  package let isDirectory: Bool
  package let isPipe: Bool

  /// Of the file at a path, a link for itself.
  ///
  /// - Returns: `nil` when the file is not there.
  package init?(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  /// Of the file that a path leads to.
  ///
  /// - Returns: `nil` when there is none.
  package init?(following path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  /// Of an open file.
  ///
  /// - Returns: `nil` for a descriptor that is not open.
  package init?(descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  private init(_ status: stat) {
    owner = status.st_uid
    links = Int(status.st_nlink)
    size = Int(status.st_size)
    mode = status.st_mode & 0o7777
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    times = [status.st_atim, status.st_mtim]
    changed = [Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec)]
    inodeChanged = [Int(status.st_ctim.tv_sec), Int(status.st_ctim.tv_nsec)]
    isRegular = status.st_mode & S_IFMT == S_IFREG
    isDirectory = status.st_mode & S_IFMT == S_IFDIR
    isPipe = status.st_mode & S_IFMT == S_IFIFO
  }
}
