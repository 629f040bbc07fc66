import Crypto
import Faults
import Files
import Foundation
import Glibc
import TextEncodings

/// SHA-256 of a regular file, read in pieces.
///
/// - Returns: in hexadecimal, with the size of what was read, and what tells later whether the file has changed since.
/// - Throws: `Fault(.invalid)` for a link or anything but a regular file; `Fault(.failed)` when it cannot be read.
func digest(of path: String) throws -> (sha256: String, size: Int, stamp: FileStamp) {
  let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
  guard descriptor >= 0 else {
    throw Fault(
      .failed, operation: "read \(path)", reason: String(cString: strerror(errno)),
      remedy: "check the file and the disk")
  }
  let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
  guard let status = FileStatus(descriptor: descriptor), status.isRegular else {
    throw Fault(.invalid, operation: "read \(path)", reason: "it is no regular file", remedy: "replace it by one")
  }
  var hash = SHA256()
  var size = 0
  while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty {
    hash.update(data: piece)
    size += piece.count
  }
  return (Hexadecimal.encode(hash.finalize()), size, FileStamp(status))
}

/// The regular files below a directory, which nobody but root writes to, by their paths in it, sorted; links and sockets
/// are passed over.
func regularFiles(below directory: String) throws -> [String] {
  guard FileStatus(directory)?.isDirectory == true else { return [] }
  return try FileManager.default.contentsOfDirectory(atPath: directory).sorted().flatMap { name -> [String] in
    guard let status = FileStatus("\(directory)/\(name)") else { return [] }
    if status.isDirectory { return try regularFiles(below: "\(directory)/\(name)").map { "\(name)/\($0)" } }
    return status.isRegular ? [name] : []
  }
}
