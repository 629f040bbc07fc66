import CLinux
import KernelFiles

/// The runsc that connected for a sandbox: by its command line it says whose trace this will be.
///
/// The socket lets in root alone, so what it says is the node's word, and no agent's.
struct TracePeer: Hashable, Sendable {
  /// `<instance>.<agent uid>`
  var container: String
  /// It attached to a sandbox that was running already.
  let isLate: Bool

  /// - Returns: `nil` for a peer that is not root's, or that is gone.
  init?(of descriptor: Int32) {
    var (process, user, group) = (pid_t(0), uid_t(0), gid_t(0))
    guard lobstack_peer_credentials(descriptor, &process, &user, &group) == 0, user == 0,
      let line = try? kernelFile("/proc/\(process)/cmdline")  // gone: it has no session either
    else { return nil }
    self.init(commandLine: line)
  }

  /// One that says nothing of itself but that it is root: what it tells will say which sandbox it is of.
  init?(rootAt descriptor: Int32) {
    var (process, user, group) = (pid_t(0), uid_t.max, gid_t(0))
    guard lobstack_peer_credentials(descriptor, &process, &user, &group) == 0, user == 0 else { return nil }
    (container, isLate) = ("", false)
  }

  /// - Parameter commandLine: as /proc has it, words that end with NUL.
  init?(commandLine: String) {
    let words = commandLine.split(separator: "\0").map(String.init)
    guard let container = words.last, words.count > 2,
      let action = words.dropFirst().first(where: { !$0.hasPrefix("-") })
    else { return nil }
    self.container = container
    isLate = action == "trace"
  }
}
