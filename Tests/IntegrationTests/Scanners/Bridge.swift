import ChildProcess
import Foundation
import Testing

/// A TCP port of this machine that leads to a Unix socket, for programs that know no Unix sockets.
enum Bridge {
  private static let script = """
    import socket, socketserver, sys, threading

    class Bridge(socketserver.BaseRequestHandler):
        def handle(self):
            with socket.socket(socket.AF_UNIX) as inner:
                inner.connect(sys.argv[1])
                threading.Thread(target=self.copy, args=(self.request, inner), daemon=True).start()
                self.copy(inner, self.request)

        def copy(self, source, target):
            try:
                while data := source.recv(65536):
                    target.sendall(data)
                target.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", int(sys.argv[2])), Bridge) as server:
        server.serve_forever()
    """

  static func with(_ socket: String, in directory: String, _ body: (UInt16) async throws -> Void) async throws {
    let port = try FreePort.choose()
    let process = TestProcess()
    await process.start(Command("python3", ["-c", script, socket, "\(port)"]), log: "\(directory)/bridge.log")
    var failure: (any Error)?
    do {
      try await eventually("the bridge to \(socket) listens", within: .seconds(10)) {
        try await Command("bash", ["-c", ": < /dev/tcp/127.0.0.1/\(port)"]).run().status == .exited(0)
      }
      try await body(port)
    } catch { failure = error }
    await process.stop()
    if let failure { throw failure }
  }
}
