import CLinux
import Faults
import Glibc

/// Gives up root, the groups, every capability, and the right to run programs, in all threads of this process.
///
/// - Throws: `Fault`; whatever was not given up may still be there, so the process must end.
func dropPrivileges(to user: String) throws {
  let operation = "become user \(user)"
  guard let entry = getpwnam(user) else {
    throw Fault(.notFound, operation: operation, reason: "the system has no such user", remedy: "run scripts/setup")
  }
  let (uid, gid) = (entry.pointee.pw_uid, entry.pointee.pw_gid)
  guard uid != 0, gid != 0 else {
    throw Fault(
      .invalid, operation: operation, reason: "its uid is \(uid), its gid \(gid)",
      remedy: "give the user ids of its own with scripts/setup")
  }
  guard lobstack_become_user(uid, gid) == 0, lobstack_no_new_privileges() == 0, lobstack_forbid_programs() == 0 else {
    throw Fault(
      .failed, operation: operation, reason: String(cString: strerror(errno)),
      remedy: "start the sentinel as root on a kernel with seccomp filters")
  }
}
