import Detection

/// What `evt.category` tells: Falco's category of a call (falcosecurity/libs, driver/event_table.c).
enum EventCategory {
  static func name(of event: GuestEvent) -> StaticString {
    if let category = byType[event.type.index] { return category }
    guard let descriptor = event.numbers.value(of: "oldfd") ?? event.descriptor,
      let known = event.process[descriptor]
    else { return "unknown" }
    return name(of: known.kind)
  }

  /// The category of what is done with a descriptor. Falco, too, says that it does not know where it has not seen how
  /// the descriptor came to be.
  private static func name(of kind: GuestDescriptor.Kind) -> StaticString {
    switch kind {
    case .file: "file"
    case .ipv4, .ipv6: "net"
    case .unix: "ipc"
    case .packet, .netlink, .other: "unknown"
    }
  }

  private static let calls: [(category: StaticString, types: String)] = [
    (
      "file",
      "open openat openat2 creat chdir fchdir rename renameat renameat2 mkdir mkdirat rmdir link linkat unlink "
        + "unlinkat symlink symlinkat chmod fchmod fchmodat chown fchownat mount umount2 userfaultfd"
    ),
    ("net", "socket connect bind accept accept4 listen"),
    // Falco writes this one in capitals.
    ("IPC", "socketpair process_vm_readv process_vm_writev"),
    ("memory", "mmap memfd_create"),
    (
      "process",
      "execve execveat clone clone3 fork vfork procexit ptrace capset prctl chroot unshare setns pidfd_getfd"
    ),
    ("signal", "kill tkill tgkill"),
    ("user", "setuid setgid setreuid setregid setresuid setresgid"),
  ]

  /// Calls whose category is that of their descriptor.
  private static let descriptorCalls =
    "read write close dup dup2 dup3 fcntl sendto sendmsg sendmmsg io_uring_setup"

  /// By the index of the type; `nil` where the descriptor decides. What Falco knows by name alone is "other".
  private static let byType: [StaticString?] = {
    var table = [StaticString?](repeating: "other", count: EventType.names.count)
    for (category, types) in calls { for type in known(types) { table[type.index] = category } }
    for type in known(descriptorCalls) { table[type.index] = nil }
    return table
  }()

  private static func known(_ types: String) -> [EventType] {
    types.split(separator: " ").compactMap { EventType(String($0)) }
  }
}
