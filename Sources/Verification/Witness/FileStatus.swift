import Glibc

/// What the host says of a file (lstat(2)).
struct FileStatus {
  let owner: UInt32
  let links: Int

  /// - Returns: `nil` when the file is not there.
  init?(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    owner = status.st_uid
    links = Int(status.st_nlink)
  }
}
