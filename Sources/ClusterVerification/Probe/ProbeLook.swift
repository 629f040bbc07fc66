import CLinux
import Foundation
import Glibc
import KernelFiles

/// What a program finds round itself, and what it is let do.
struct ProbeLook {
  let files: [String]

  /// Places at which the host's machine id may be; behind the last the control has it mounted.
  static let hostFiles = [
    "/etc/machine-id", "/proc/1/root/etc/machine-id", "/proc/self/root/../etc/machine-id",
    "/workspace/../../../../etc/machine-id", "/proc/1/cwd/../../../etc/machine-id", "/dev/fd/../../etc/machine-id",
    "/host/machine-id",
  ]
  static let token = "/var/run/secrets/kubernetes.io/serviceaccount/token"

  /// To be called in a Pod that was made for it alone: what works of the tries is not undone.
  func look(_ say: (String, Bool, String) -> Void) {
    see(say)
    tryOut(say)
  }

  func see(_ say: (String, Bool, String) -> Void) {
    for path in ["/proc/version", "/proc/sys/kernel/random/boot_id", "/proc/sys/kernel/osrelease"] {
      say("file:\(path)", true, text(path) ?? "")
    }
    say("uid", true, "\(geteuid())")
    let status = text("/proc/self/status") ?? ""
    for name in ["CapPrm", "CapEff", "CapBnd"] {
      guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("\(name):") }) else { continue }
      say(name, true, String(line.dropFirst(name.utf8.count + 1)).trimmingCharacters(in: .whitespaces))
    }
    // Of gVisor's files none says it.
    let privileges = lobstack_has_no_new_privileges()
    say("no-new-privileges", privileges == 1, privileges < 0 ? Self.error : "\(privileges)")
    var system = statvfs()
    let isKnown = statvfs("/", &system) == 0
    say("read-only", isKnown && system.f_flag & UInt(ST_RDONLY) != 0, isKnown ? "\(system.f_flag)" : Self.error)
    for path in files + [Self.token] {
      let content = text(path)
      say(
        "file:\(path)", content != nil, path == Self.token ? "\(content?.utf8.count ?? 0) bytes" : content ?? Self.error
      )
    }
  }

  private func tryOut(_ say: (String, Bool, String) -> Void) {
    attempt("write", say) {
      let file = Glibc.open("/lobstack-probe", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
      if file >= 0 { close(file) }
      return file
    }
    attempt("setuid", say) { geteuid() == 0 ? 0 : seteuid(0) }
    attempt("chown", say) { Glibc.chown(writable(), 4242, 4242) }
    attempt("mount", say) { Glibc.mount("none", "/tmp", "tmpfs", 0, nil) }
    attempt("raw-socket", say) { opened(AF_INET, SOCK_RAW, Int32(IPPROTO_UDP)) }
    attempt("packet-socket", say) { opened(AF_PACKET, SOCK_RAW, Int32(UInt16(0x0800).bigEndian)) }
    attempt("foreign-source", say) { boundToAnother() }
  }

  private func opened(_ family: Int32, _ type: __socket_type, _ number: Int32) -> Int32 {
    let result = socket(family, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), number)
    if result >= 0 { close(result) }
    return result
  }

  /// A socket that sends from an address of nobody (RFC 5737).
  private func boundToAnother() -> Int32 {
    guard let address = ProbeAddress("192.0.2.1", port: 0) else { return -1 }
    let socket = ProbeSocket.open(address, SOCK_DGRAM)
    guard socket >= 0 else { return -1 }
    var yes: Int32 = 1
    // Either lets an address be used that the machine does not have; what is not allowed shows below.
    for option in [IP_FREEBIND, IP_TRANSPARENT] {
      setsockopt(socket, Int32(IPPROTO_IP), option, &yes, socklen_t(MemoryLayout<Int32>.size))
    }
    let result = address.with { bind(socket, $0, $1) }
    let why = errno
    close(socket)
    errno = why
    return result
  }

  private static var error: String { String(cString: strerror(errno)) }

  private func attempt(_ id: String, _ say: (String, Bool, String) -> Void, _ body: () -> Int32) {
    errno = 0
    let result = body()
    say(id, result >= 0, result >= 0 ? "it worked" : Self.error)
  }

  /// A file of the program's own.
  private func writable() -> String {
    for directory in ["/workspace", "/tmp", "/"] {
      let path = "\(directory)/lobstack-probe-owned"
      let file = Glibc.open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
      guard file >= 0 else { continue }
      close(file)
      return path
    }
    return "/nowhere"
  }

  private func text(_ path: String) -> String? {
    (try? kernelFile(path)).map { String($0.prefix(4_096)) }
  }
}
