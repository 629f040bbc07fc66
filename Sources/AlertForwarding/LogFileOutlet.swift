import APIModel
import Faults
import Glibc

/// A file with a line of Falco's JSON for each alert.
struct LogFileOutlet: SingleOutlet {
  let path: String
  let name = "file"

  /// Opens the file anew each time, so that one that was put in its place is written to. The line goes to the system's
  /// cache in one call, which does not wait for the disk.
  func deliver(_ alert: AlertResource) async throws {
    let line = try alert.falcoLine() + [UInt8(ascii: "\n")]
    let file = open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { throw failure(errno) }
    defer { close(file) }
    let written = write(file, line, line.count)
    guard written == line.count else { throw failure(written < 0 ? errno : ENOSPC) }
  }

  func close() async {}

  private func close(_ file: Int32) { _ = Glibc.close(file) }

  private func failure(_ code: Int32) -> Fault {
    Fault(
      .unavailable, operation: "append an alert to \(path)", reason: String(cString: strerror(code)),
      remedy: "free disk space, and let the file belong to the control plane's user")
  }
}
