import ChildProcess

/// Speaks to a Unix socket as some user of this machine.
struct SocketCaller: Sendable {
  let socket: String
  let user: UInt32

  /// Sends bytes and listens for a second and a half.
  ///
  /// - Returns: what came, one character for each byte; `nil` when no connection was made.
  func exchange(_ bytes: [UInt8]) async throws -> String? {
    let script = """
      socket, sys = map(__import__, ("socket", "sys"))
      s = socket.socket(socket.AF_UNIX)
      s.settimeout(1.5)
      try:
          s.connect(sys.argv[1])
      except OSError:
          sys.exit(7)
      data = b""
      try:
          s.sendall(bytes.fromhex(sys.argv[2]))
          while len(data) < 65536:
              piece = s.recv(65536)
              if not piece: break
              data += piece
      except OSError:
          pass
      sys.stdout.write(data.decode("latin-1"))
      """
    let hexadecimal = bytes.map { String(String(Int($0) + 0x100, radix: 16).suffix(2)) }.joined()
    guard Command.locate("python3") != nil else {
      throw NotTestable("the probes need python3, which is not installed; install it with scripts/setup")
    }
    let result = try await Command(
      "setpriv",
      [
        "--reuid", "\(user)", "--regid", "\(user)", "--clear-groups", "/usr/bin/env", "PYTHONIOENCODING=latin-1",
        "python3", "-c", script, socket, hexadecimal,
      ]
    ).run(timeout: .seconds(8))
    if result.status == .exited(7) { return nil }
    guard result.status == .exited(0) else {
      throw NotTestable("the caller failed: \(result.standardError.suffix(200))")
    }
    return result.standardOutput
  }
}
