import Faults
import Glibc

/// A user of the system, with the group of its own.
struct Account: Sendable, Hashable {
  var user: uid_t
  var group: gid_t

  static let root = Account(user: 0, group: 0)

  init(user: uid_t, group: gid_t) {
    self.user = user
    self.group = group
  }

  /// - Throws: `Fault(.notFound)` when the system has no such user.
  init(named name: String) throws {
    guard let entry = getpwnam(name) else {
      throw Fault(
        .notFound, operation: "look up user \(name)", reason: "the system has no such user",
        remedy: "run scripts/setup, or: useradd --system --shell /usr/sbin/nologin \(name)")
    }
    self.init(user: entry.pointee.pw_uid, group: entry.pointee.pw_gid)
  }
}
