import ChildProcess
import Foundation
import Testing

/// A stub of the Internet: a network namespace of its own with a DNS server, and an AI provider's API over TLS under a
/// test's own authority, at addresses that are for documentation (RFC 5737) and lead nowhere else.
final class InternetStub: Sendable {
  static let api = "203.0.113.10"
  static let dns = "203.0.113.53"
  /// Names that resolve to a private address, as an attacker's would.
  static let rebinding = ["private.example.com": "10.1.2.3", "metadata.example.com": "169.254.169.254"]
  static let models = ["api.anthropic.com", "models.example.com", "other.example.com"]

  let directory: String
  private let namespace: String
  private let interface: String
  private let servers = Servers()

  /// PEM file of the authority that vouches for the API.
  var authority: String { "\(directory)/ca.crt" }
  /// The platform's policy, but with the documentation's range open.
  var policy: String { "\(directory)/policy" }
  var requestLog: String { "\(directory)/requests.jsonl" }

  var options: [String] {
    ["--policy", policy, "--upstream-authorities", authority, "--resolver", Self.dns]
  }

  private actor Servers {
    private var tasks: [Task<Void, Never>] = []

    func start(_ command: Command) {
      // Ended by cancellation, and awaited by `stop`; what it misses every test tells.
      tasks.append(Task { _ = try? await command.run(timeout: .seconds(600)) })
    }

    func stop() async {
      for task in tasks { task.cancel() }
      for task in tasks { await task.value }
    }
  }

  static func with(_ body: (InternetStub) async throws -> Void) async throws {
    let stub = try InternetStub()
    do {
      try await stub.start()
      try await body(stub)
    } catch {
      await stub.remove()
      throw error
    }
    await stub.remove()
  }

  private init() throws {
    let number = String(UInt32.random(in: 0x1000_0000 ... .max), radix: 16)
    directory = "/tmp/lobstack-internet-\(number)"
    namespace = "lbinet-\(number)"
    interface = "lbi\(number)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    chmod(directory, 0o755)
  }

  private func start() async throws {
    try copyPolicy()
    try await makeCertificates()
    for line in [
      "netns add \(namespace)", "link add \(interface) type veth peer name eth0 netns \(namespace)",
      "addr add 203.0.113.1/24 dev \(interface)", "link set \(interface) up", "-n \(namespace) link set lo up",
      "-n \(namespace) addr add \(Self.api)/24 dev eth0", "-n \(namespace) addr add \(Self.dns)/24 dev eth0",
      "-n \(namespace) link set eth0 up",
    ] { try await Command("ip", line.split(separator: " ").map(String.init)).check() }
    for (name, script) in [("dns", Self.dnsScript), ("api", Self.apiScript)] {
      let path = "\(directory)/\(name).py"
      try Data(script.utf8).write(to: URL(filePath: path))
      await servers.start(Command("ip", ["netns", "exec", namespace, "python3", path, directory]))
    }
    try await eventually("the stub of the Internet answers") {
      try await Command(
        "curl",
        [
          "-s", "-o", "/dev/null", "--max-time", "2", "--cacert", authority, "--resolve",
          "api.anthropic.com:443:\(Self.api)", "https://api.anthropic.com/",
        ]
      ).run().status == .exited(0)
    }
    // The wait above was a request like any other.
    try Data().write(to: URL(filePath: requestLog))
  }

  private func remove() async {
    await servers.stop()
    // What is left over shows in the next test's failure to make the same; the verdict of this one stands.
    _ = try? await Command("ip", ["link", "del", interface]).run()
    _ = try? await Command("ip", ["netns", "del", namespace]).run()
    try? FileManager.default.removeItem(atPath: directory)
  }

  private func copyPolicy() throws {
    let source = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../policy")
      .standardizedFileURL
    try FileManager.default.copyItem(at: source, to: URL(filePath: policy))
    let file = "\(policy)/network/denied-destinations.yaml"
    let text = try String(contentsOfFile: file, encoding: .utf8)
    #expect(text.contains("- 203.0.113.0/24\n"))
    try text.split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.contains("203.0.113.0/24") }
      .joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
  }

  private func makeCertificates() async throws {
    let names = (Self.models + Array(Self.rebinding.keys)).map { "DNS:\($0)" }.joined(separator: ",")
    for line in [
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=stub-authority "
        + "-keyout ca.key -out ca.crt",
      "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=stub -keyout api.key -out api.csr "
        + "-addext subjectAltName=\(names)",
      "x509 -req -in api.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -copy_extensions copy -out api.crt",
    ] {
      try await Command("openssl", line.split(separator: " ").map(String.init), directory: directory).check()
    }
  }

  struct Received: Decodable, Sendable {
    var host: String
    var method: String
    var path: String
    var headers: [String: String]
  }

  /// What the API was asked, in order.
  func requests() throws -> [Received] {
    try String(contentsOfFile: requestLog, encoding: .utf8).split(separator: "\n").map {
      try JSONDecoder().decode(Received.self, from: Data($0.utf8))
    }
  }

  private static let dnsScript = """
    import socket, struct
    names = {\(models.map { "'\($0)': '\(api)'" }.joined(separator: ", ")), \
    \(rebinding.map { "'\($0.key)': '\($0.value)'" }.joined(separator: ", "))}
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); server.bind(('\(dns)', 53))
    while True:
        query, peer = server.recvfrom(4096)
        labels, place = [], 12
        while query[place]:
            labels.append(query[place + 1:place + 1 + query[place]].decode()); place += 1 + query[place]
        question, kind = query[12:place + 5], struct.unpack('>H', query[place + 1:place + 3])[0]
        address = names.get('.'.join(labels).lower())
        answer = b'' if address is None or kind != 1 else (
            b'\\xc0\\x0c' + struct.pack('>HHIH', 1, 1, 1, 4) + socket.inet_aton(address))
        code = 0x8180 if address else 0x8183
        server.sendto(query[:2] + struct.pack('>HHHHH', code, 1, 1 if answer else 0, 0, 0) + question + answer, peer)

    """

  private static let apiScript = """
    import http.server, json, ssl, sys, threading, time
    directory, lock = sys.argv[1], threading.Lock()
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'
        def answer(self):
            body = self.rfile.read(int(self.headers.get('content-length') or 0))
            with lock, open(directory + '/requests.jsonl', 'a') as log:
                log.write(json.dumps({'host': self.headers.get('host', ''), 'method': self.command, 'path': self.path,
                                      'headers': {k.lower(): v for k, v in self.headers.items()}}) + '\\n')
            key = self.headers.get('x-api-key', '')
            if self.path.startswith('/v1/stream'):
                self.send_response(200); self.send_header('content-type', 'text/event-stream')
                self.send_header('transfer-encoding', 'chunked'); self.end_headers()
                for number in range(4):
                    data = ('data: %d %.3f\\n\\n' % (number, time.time())).encode()
                    self.wfile.write(b'%x\\r\\n%s\\r\\n' % (len(data), data)); self.wfile.flush(); time.sleep(0.5)
                self.wfile.write(b'0\\r\\n\\r\\n'); return
            text = json.dumps({'path': self.path, 'method': self.command, 'echo': key, 'body': body.decode('latin1')})
            data = text.encode()
            self.send_response(200); self.send_header('content-type', 'application/json')
            self.send_header('x-echo', key); self.send_header('content-length', str(len(data))); self.end_headers()
            self.wfile.write(data)
        do_GET = do_POST = do_PUT = do_DELETE = answer
        def log_message(self, *_): pass
    server = http.server.ThreadingHTTPServer(('\(api)', 443), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory + '/api.crt', directory + '/api.key')
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()

    """
}
