import AgentModel
import ChildProcess
import Faults
import Glibc

/// The unprivileged user that everything which parses an image runs as.
struct ImageUser: Sendable, Hashable {
  let name: String
  let uid: uid_t
  let gid: gid_t

  /// Where the tools find their staging directory. It is mounted below a tmpfs over /sys, in a mount namespace of
  /// their own: the real one lies below directories that the user may not enter, and no image's source lies in /sys.
  static let stagingMount = "/sys/image"
  /// Largest single file that a tool may write.
  private static let largestFile = TreeLimits.standard.bytes

  /// - Throws: `Fault` `.notFound` when the system has no such user; `.denied` when it is root.
  static func find(_ name: String) throws -> ImageUser {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 16_384)
    guard getpwnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else {
      throw Fault(
        .notFound, operation: "unpack images", reason: "there is no system user '\(name)'",
        remedy: "run scripts/setup, or: useradd --system --no-create-home --shell /usr/sbin/nologin \(name)")
    }
    guard entry.pw_uid != 0 else {
      throw Fault(
        .denied, operation: "unpack images", reason: "the user '\(name)' is root",
        remedy: "name an unprivileged system user")
    }
    return ImageUser(name: name, uid: entry.pw_uid, gid: entry.pw_gid)
  }

  /// A tool run as this user, without capabilities or a way to get any, in a mount namespace of its own where `staging`
  /// is its working directory; without any network unless asked for.
  func command(_ tool: String, _ arguments: [String], staging: String, network: Bool = false) -> Command {
    let mount = Self.stagingMount
    let script = """
      mount -t tmpfs -o mode=755,size=64k,nosuid,nodev none /sys && mkdir \(mount) && mount --bind . \(mount) \
      && cd \(mount) && umask 022 && exec "$@"
      """
    var environment = Command.defaultEnvironment
    environment["HOME"] = mount
    environment["TMPDIR"] = mount
    return Command(
      "unshare",
      ["--mount", "--propagation", "private"] + (network ? [] : ["--net"]) + ["sh", "-c", script, "sh"]
        + ["prlimit", "--core=0", "--fsize=\(Self.largestFile)"] + dropPrivileges + [tool] + arguments,
      environment: environment, directory: staging)
  }

  /// A tool that needs no staging directory, run as this user; without any network unless asked for.
  func command(_ tool: String, _ arguments: [String], network: Bool = false) -> Command {
    Command("unshare", (network ? [] : ["--net"]) + ["--"] + dropPrivileges + [tool] + arguments, directory: "/")
  }

  private var dropPrivileges: [String] {
    [
      "setpriv", "--reuid=\(uid)", "--regid=\(gid)", "--clear-groups", "--no-new-privs", "--bounding-set=-all",
      "--inh-caps=-all", "--",
    ]
  }
}

extension ImageUser {
  /// Runs a tool to its end and tells its failure in terms of the image.
  @discardableResult
  func run(_ command: Command, on reference: ImageReference, timeout: Duration) async throws -> String {
    let result = try await command.run(timeout: timeout)
    guard result.status != .exited(0) else { return result.standardOutput }
    throw failure(of: reference, message: result.standardError, status: result.status)
  }

  func failure(of reference: ImageReference, message: String, status: ExitStatus) -> Fault {
    let lines = message.split(whereSeparator: \.isNewline).map { $0.trimmingPrefix { " ⨯•".contains($0) } }
    func last(_ text: String) -> Substring? { lines.last { $0.lowercased().contains(text) } }
    let operation = "unpack image \(reference)"
    if let line = last("permission denied") {
      return Fault(
        .denied, operation: operation, reason: "user \(name) may not read it: \(line.suffix(300))",
        remedy: "let everyone read the image: chmod -R o+rX \(reference.location)")
    }
    if let line = last("no space left") ?? last("file too large") {
      return Fault(
        .exhausted, operation: operation, reason: "\(line.suffix(300))",
        remedy: "free disk space, or take a smaller image")
    }
    let said = lines.suffix(3).joined(separator: "; ").suffix(600)
    return Fault(
      .failed, operation: operation, reason: "the tool \(status): \(said)", remedy: "mend the image or build it again")
  }
}
