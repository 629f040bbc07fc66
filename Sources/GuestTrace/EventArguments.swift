import Detection

/// The arguments of an event, by Falco's names.
struct EventArguments {
  private let event: GuestEvent
  private let path: [UInt8]

  init(_ event: GuestEvent, _ path: [UInt8]) { (self.event, self.path) = (event, path) }

  func text(_ argument: FieldReference.Argument, _ arena: ValueArena) -> FieldValue {
    arena.begin()
    switch argument {
    case .eventArgument(let name): return append(name, arena) ? arena.endString() : .absent
    case .index(let index):
      let names = self.names
      return names.indices.contains(index) && append(names[index], arena) ? arena.endString() : .absent
    case .none, .key: return .absent
    }
  }

  func number(_ argument: FieldReference.Argument) -> FieldValue {
    guard case .eventArgument(let name) = argument else { return .absent }
    switch name {
    case "res": return event.result.map { .number($0) } ?? .absent
    case "fd": return event.descriptor.map { .number($0) } ?? .absent
    case "flags" where event.shape == .open: return .number(event.flags)
    case "mode" where event.shape == .open: return .number(event.mode)
    default: return event.numbers.value(of: name).map { .number($0) } ?? .absent
    }
  }

  func all(_ arena: ValueArena) -> FieldValue {
    arena.begin()
    for (index, name) in names.enumerated() {
      if index > 0 { arena.append(byte: UInt8(ascii: " ")) }
      arena.append(name)
      arena.append(byte: UInt8(ascii: "="))
      if name == "res", let result = event.result, let error = ErrorName.name(of: result) {
        arena.append(decimal: result)
        arena.append("(")
        arena.append(error)
        arena.append(")")
      } else {
        _ = append(name, arena)
      }
    }
    return arena.endString()
  }

  /// In Falco's order, as far as they are known.
  private var names: [String] {
    switch event.shape {
    case .open: ["fd", "name", "flags", "mode"]
    case .connect, .bind: ["fd", "addr"]
    case .accept: ["fd"]
    case .socket: ["fd", "domain", "type", "proto"]
    case .execute: ["res", "exe", "args", "filename"]
    case .plain:
      (event.result == nil ? [] : ["res"]) + (event.rawPath.isEmpty ? [] : ["path"])
        + (0..<3).compactMap { event.numbers.at($0)?.name.description }
    }
  }

  /// - Returns: whether the event has it.
  private func append(_ name: String, _ arena: ValueArena) -> Bool {
    switch name {
    case "res":
      guard let result = event.result else { return false }
      // Other than `evt.res` it is a number, but for errors.
      if let error = ErrorName.name(of: result) { arena.append(error) } else { arena.append(decimal: result) }
    case "fd":
      guard let descriptor = event.descriptor else { return false }
      arena.append(decimal: descriptor)
    case "name" where event.shape == .open: arena.append(event.rawPath)
    case "path" where !event.rawPath.isEmpty: arena.append(event.rawPath)
    case "flags" where event.shape == .open: OpenFlags.append(event.flags, arena)
    case "mode" where event.shape == .open: arena.append("0\(String(event.mode & 0o7777, radix: 8))")
    case "addr":
      guard let address = event.address else { return false }
      arena.append(address)
    case "exe" where event.shape == .execute: arena.append(event.process.executable)
    case "args" where event.shape == .execute: arena.append(argumentsOf: event.process)
    case "filename" where event.shape == .execute:
      arena.append(event.rawPath.isEmpty ? event.process.path : Array(event.rawPath))
    default:
      guard let number = event.numbers.value(of: name) else { return false }
      NumberName.append(number, name, event, arena)
    }
    return true
  }
}

/// Flags of open(2) by name, as Falco prints them.
enum OpenFlags {
  private static let names: [(bit: UInt64, name: StaticString)] = [
    (0o100, "O_CREAT"), (0o200, "O_EXCL"), (0o1000, "O_TRUNC"), (0o2000, "O_APPEND"), (0o4000, "O_NONBLOCK"),
    (0o10000, "O_DSYNC"), (0o40000, "O_DIRECT"), (0o100000, "O_LARGEFILE"), (0o200000, "O_DIRECTORY"),
    (0o2000000, "O_CLOEXEC"), (0o20000000, "O_TMPFILE"),
  ]

  static func append(_ flags: UInt64, _ arena: ValueArena) {
    switch flags & 3 {
    case 0: arena.append("O_RDONLY")
    case 1: arena.append("O_WRONLY")
    default: arena.append("O_RDWR")
    }
    for (bit, name) in names where flags & bit != 0 {
      arena.append(byte: UInt8(ascii: "|"))
      arena.append(name)
    }
  }
}

/// Numbers of calls that have names.
enum NumberName {
  static func append(_ number: Int64, _ argument: String, _ event: GuestEvent, _ arena: ValueArena) {
    switch argument {
    case "domain": append(number, domains, arena)
    case "request": append(number, requests, arena)
    case "uid", "ruid", "euid", "suid", "gid", "rgid", "egid", "sgid":
      // -1 leaves an id as it is.
      if number == 0 { arena.append("root") } else { arena.append(decimal: number == 0xffff_ffff ? -1 : number) }
    case "flags" where event.type.description == "unshare" || event.type.description == "clone":
      arena.append(cloneFlags(UInt64(bitPattern: number)))
    default: arena.append(decimal: number)
    }
  }

  private static func append(_ number: Int64, _ names: [Int64: StaticString], _ arena: ValueArena) {
    if let name = names[number] { arena.append(name) } else { arena.append(decimal: number) }
  }

  private static let domains: [Int64: StaticString] = [
    1: "AF_UNIX", 2: "AF_INET", 10: "AF_INET6", 16: "AF_NETLINK", 17: "AF_PACKET", 38: "AF_ALG", 40: "AF_VSOCK",
  ]

  private static let requests: [Int64: StaticString] = [
    0: "PTRACE_TRACEME", 1: "PTRACE_PEEKTEXT", 2: "PTRACE_PEEKDATA", 4: "PTRACE_POKETEXT", 5: "PTRACE_POKEDATA",
    7: "PTRACE_CONT", 16: "PTRACE_ATTACH", 17: "PTRACE_DETACH", 0x4206: "PTRACE_SEIZE",
  ]

  private static func cloneFlags(_ flags: UInt64) -> String {
    let names: [(bit: UInt64, name: String)] = [
      (0x100, "CLONE_VM"), (0x10000, "CLONE_THREAD"), (0x20000, "CLONE_NEWNS"), (0x2000000, "CLONE_NEWCGROUP"),
      (0x4000000, "CLONE_NEWUTS"), (0x8000000, "CLONE_NEWIPC"), (0x10000000, "CLONE_NEWUSER"),
      (0x20000000, "CLONE_NEWPID"), (0x40000000, "CLONE_NEWNET"),
    ]
    let set = names.filter { flags & $0.bit != 0 }.map(\.name)
    return set.isEmpty ? "0" : set.joined(separator: "|")
  }
}
