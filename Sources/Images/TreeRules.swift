import AgentModel
import Faults
import Glibc

/// What the tree of an image may hold. Fed with every entry of a walk, then asked for the verdict.
///
/// None of these would be obeyed by gVisor as a host would, so each is refused for what it says of the image: a device
/// or a setuid program has no use in a sandbox without privileges, and a link that leaves the tree means a file of the
/// host. Absolute symbolic links are normal in images; the guest resolves them inside.
struct TreeRules {
  /// Directories that the sandbox mounts over: a link there would lead the mount elsewhere.
  static let mountPoints = ["/proc", "/sys", "/dev", "/tmp", "/workspace", "/vault", "/vault/secrets", "/etc"]
  /// Files that the sandbox mounts over.
  static let mountedFiles = ["/etc/resolv.conf", "/etc/hosts", "/etc/hostname"]

  let reference: ImageReference
  var limits = TreeLimits.standard

  private var bytes: Int64 = 0
  private var entries = 0
  private var device: UInt?
  /// Files with several names: how many the file system counts, how many the tree has.
  private var shared: [UInt: (path: String, links: UInt, found: UInt)] = [:]

  init(reference: ImageReference, limits: TreeLimits = .standard) {
    self.reference = reference
    self.limits = limits
  }

  /// - Throws: `Fault` `.invalid` naming the path and the rule, `.exhausted` past a limit.
  mutating func visit(_ entry: TreeEntry) throws {
    try count(entry)
    let mode = String(entry.mode & 0o7777, radix: 8)
    switch entry.kind {
    case S_IFDIR: break
    case S_IFREG:
      if entry.mode & (S_ISUID | S_ISGID) != 0 {
        throw refusal(
          entry.path, "is \(entry.mode & S_ISUID != 0 ? "setuid" : "setgid") (mode \(mode))",
          "take the bits away in the image: find / -xdev -type f -perm /6000 -exec chmod ug-s {} +")
      }
      if entry.links > 1 { shared[entry.inode, default: (entry.path, entry.links, 0)].found += 1 }
    case S_IFLNK:
      if let target = entry.target, Self.climbs(from: entry.path, to: target) {
        throw refusal(
          entry.path, "is a link that leads out of the image: \(target.prefix(200))",
          "make it a link to a path within the image")
      }
    case S_IFCHR, S_IFBLK: throw refusal(entry.path, "is a device node", "leave /dev empty in the image")
    case S_IFIFO: throw refusal(entry.path, "is a named pipe", "remove it; an agent can make one in /tmp")
    case S_IFSOCK: throw refusal(entry.path, "is a socket", "remove it; an agent can make one in /tmp")
    default: throw refusal(entry.path, "is of an unknown kind (mode \(mode))", "remove it from the image")
    }
    if Self.mountPoints.contains(entry.path), entry.kind != S_IFDIR {
      throw refusal(
        entry.path, entry.kind == S_IFLNK ? "is a link, and something is mounted there" : "is not a directory",
        "make it a plain directory in the image")
    }
    if Self.mountedFiles.contains(entry.path), entry.kind == S_IFDIR {
      throw refusal(entry.path, "is a directory", "make it a plain file in the image, or remove it")
    }
  }

  /// - Throws: `Fault` `.invalid` for a file that has names outside the tree.
  func finish() throws {
    guard let outside = shared.values.filter({ $0.links > $0.found }).min(by: { $0.path < $1.path }) else { return }
    throw refusal(
      outside.path, "is a hard link to a file outside: it has \(outside.links) names, \(outside.found) of them here",
      "copy the file instead of linking it")
  }

  private mutating func count(_ entry: TreeEntry) throws {
    entries += 1
    if entry.kind == S_IFREG { bytes += entry.size }
    if device == nil { device = entry.device }
    guard entry.device == device else {
      throw refusal(entry.path, "lies in another file system", "unmount it, or copy the tree to a directory of its own")
    }
    guard entries <= limits.entries, bytes <= limits.bytes else {
      throw Fault(
        .exhausted, operation: "use image \(reference)",
        reason: "it has more than \(limits.entries) entries or \(ByteSize(bytes: limits.bytes)) of files",
        remedy: "make the image smaller")
    }
  }

  func refusal(_ path: String, _ what: String, _ remedy: String) -> Fault {
    Fault(.invalid, operation: "use image \(reference)", reason: "\(path) in it \(what)", remedy: remedy)
  }

  /// Whether a relative target goes above the root: counted on the text, as the image's builder would read it.
  static func climbs(from link: String, to target: String) -> Bool {
    guard !target.hasPrefix("/") else { return climbs(depth: 0, path: target) }
    return climbs(depth: link.split(separator: "/").count - 1, path: target)
  }

  /// Whether a path goes above a root that lies `depth` levels up.
  static func climbs(depth: Int, path: String) -> Bool {
    var depth = depth
    for component in path.split(separator: "/") where component != "." {
      depth += component == ".." ? -1 : 1
      if depth < 0 { return true }
    }
    return false
  }
}
