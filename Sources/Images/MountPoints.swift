import AgentModel
import Faults
import Glibc

/// Makes what the sandbox mounts over, where the image lacks it: the root is read-only by then.
///
/// Only after `TreeRules` found that none of the directories is a link. A link in the place of one of the files, as
/// systems with a local resolver have it, is replaced: whatever it leads to is covered by the mount anyway.
func makeMountPoints(in root: String, user: ImageUser, of reference: ImageReference) throws {
  func failure(_ path: String) -> Fault {
    Fault(
      .failed, operation: "unpack image \(reference)",
      reason: "\(path) cannot be made in it: \(String(cString: strerror(errno)))",
      remedy: "free disk space, or mend the file system")
  }
  // An agent is neither owner nor group of anything in it.
  guard chmod(root, 0o755) == 0 else { throw failure("/") }
  for path in TreeRules.mountPoints {
    guard mkdir(root + path, 0o755) == 0 else {
      guard errno == EEXIST else { throw failure(path) }
      continue
    }
    guard lchown(root + path, user.uid, user.gid) == 0 else { throw failure(path) }
  }
  guard chmod("\(root)/tmp", 0o1777) == 0 else { throw failure("/tmp") }
  for path in TreeRules.mountedFiles {
    var status = stat()
    if lstat(root + path, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFLNK else { continue }
      guard unlink(root + path) == 0 else { throw failure(path) }
    }
    let descriptor = open(root + path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure(path) }
    defer { close(descriptor) }
    guard fchown(descriptor, user.uid, user.gid) == 0, fchmod(descriptor, 0o644) == 0 else { throw failure(path) }
  }
}
