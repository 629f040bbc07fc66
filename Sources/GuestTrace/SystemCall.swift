import Detection

/// System calls of x86-64 by number (Linux, arch/x86/entry/syscalls/syscall_64.tbl), those that the trace may show.
enum SystemCall {
  private static let names: [UInt64: String] = [
    0: "read", 1: "write", 2: "open", 3: "close", 9: "mmap", 32: "dup", 33: "dup2", 41: "socket", 42: "connect",
    43: "accept", 44: "sendto", 46: "sendmsg", 49: "bind", 50: "listen", 53: "socketpair", 56: "clone", 57: "fork",
    58: "vfork", 59: "execve", 62: "kill", 72: "fcntl", 76: "truncate", 80: "chdir", 81: "fchdir", 82: "rename",
    83: "mkdir", 84: "rmdir", 85: "creat", 86: "link", 87: "unlink", 88: "symlink", 90: "chmod", 91: "fchmod",
    92: "chown", 101: "ptrace", 103: "syslog", 105: "setuid", 106: "setgid", 113: "setreuid", 114: "setregid",
    117: "setresuid", 119: "setresgid", 122: "setfsuid", 123: "setfsgid", 126: "capset", 133: "mknod",
    135: "personality", 155: "pivot_root", 157: "prctl", 161: "chroot", 165: "mount", 166: "umount2", 167: "swapon",
    169: "reboot", 170: "sethostname", 175: "init_module", 176: "delete_module", 200: "tkill", 234: "tgkill",
    246: "kexec_load", 248: "add_key", 249: "request_key", 250: "keyctl", 257: "openat", 258: "mkdirat",
    259: "mknodat", 260: "fchownat", 263: "unlinkat", 264: "renameat", 265: "linkat", 266: "symlinkat",
    268: "fchmodat", 272: "unshare", 288: "accept4", 292: "dup3", 298: "perf_event_open", 307: "sendmmsg",
    308: "setns", 310: "process_vm_readv", 311: "process_vm_writev", 313: "finit_module", 316: "renameat2",
    319: "memfd_create", 321: "bpf", 322: "execveat", 323: "userfaultfd", 425: "io_uring_setup", 435: "clone3",
    437: "openat2", 438: "pidfd_getfd",
  ]

  private static let types: [EventType?] = (0..<512).map { names[$0].flatMap(EventType.init) }

  static func type(_ number: UInt64) -> EventType? {
    number < UInt64(types.count) ? types[Int(number)] : nil
  }
}

extension EventType {
  static let execve = EventType("execve") ?? .unknown
  static let clone = EventType("clone") ?? .unknown
  static let procexit = EventType("procexit") ?? .unknown
}
