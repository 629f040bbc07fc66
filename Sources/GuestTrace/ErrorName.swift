import Detection

/// Results of calls as Falco prints them: `SUCCESS`, or the name of the error (errno(3)).
enum ErrorName {
  private static let names: [Int64: StaticString] = [
    1: "EPERM", 2: "ENOENT", 3: "ESRCH", 4: "EINTR", 5: "EIO", 6: "ENXIO", 7: "E2BIG", 8: "ENOEXEC", 9: "EBADF",
    10: "ECHILD", 11: "EAGAIN", 12: "ENOMEM", 13: "EACCES", 14: "EFAULT", 16: "EBUSY", 17: "EEXIST", 18: "EXDEV",
    19: "ENODEV", 20: "ENOTDIR", 21: "EISDIR", 22: "EINVAL", 23: "ENFILE", 24: "EMFILE", 25: "ENOTTY", 26: "ETXTBSY",
    27: "EFBIG", 28: "ENOSPC", 29: "ESPIPE", 30: "EROFS", 31: "EMLINK", 32: "EPIPE", 36: "ENAMETOOLONG", 38: "ENOSYS",
    40: "ELOOP", 88: "ENOTSOCK", 93: "EPROTONOSUPPORT", 94: "ESOCKTNOSUPPORT", 95: "EOPNOTSUPP", 97: "EAFNOSUPPORT",
    98: "EADDRINUSE", 99: "EADDRNOTAVAIL", 101: "ENETUNREACH", 104: "ECONNRESET", 106: "EISCONN", 107: "ENOTCONN",
    110: "ETIMEDOUT", 111: "ECONNREFUSED", 113: "EHOSTUNREACH", 115: "EINPROGRESS",
  ]

  /// - Returns: `nil` for a result that is no error, or one without a name.
  static func name(of result: Int64) -> StaticString? { result < 0 && result > -4_096 ? names[-result] : nil }

  static func value(_ result: Int64, _ arena: ValueArena) -> FieldValue {
    arena.begin()
    if result >= 0 {
      arena.append("SUCCESS")
    } else if let name = name(of: result) {
      arena.append(name)
    } else {
      arena.append(decimal: result)
    }
    return arena.endString()
  }
}
