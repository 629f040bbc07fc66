import ChildProcess
import Faults
import Foundation
import Testing

/// A public authority of the test's own: OpenBao's PKI engine behind ACME, with a root and an intermediate, and a DNS
/// server for which every name is this machine.
struct PublicAuthority: Sendable {
  /// Where scripts/setup puts OpenBao.
  static let program = "/usr/local/lib/lobstack/bao"
  /// How long a certificate is good for: renewed after 30 seconds.
  static let life = 45

  let directory: String
  /// OpenBao takes the next one, too, for its cluster.
  private let port: UInt16
  private let dnsPort: UInt16
  private let processes = [TestProcess(), TestProcess()]

  var acmeDirectory: String { "\(origin)/v1/pki_int/acme/directory" }
  /// Who vouches for the ACME directory's own TLS.
  var directoryRoots: String { "\(directory)/vault-ca.pem" }
  /// Who vouches for what it certifies.
  var roots: String { "\(directory)/roots.pem" }
  private var origin: String { "https://127.0.0.1:\(port)" }

  /// Runs `body` with an authority that is gone afterwards.
  static func with(_ body: (PublicAuthority) async throws -> Void) async throws {
    let authority = PublicAuthority(
      directory: "/tmp/lobstack-ca-\(UInt32.random(in: 0 ... .max))", port: try FreePort.choose(2),
      dnsPort: try FreePort.choose())
    try FileManager.default.createDirectory(atPath: authority.directory, withIntermediateDirectories: false)
    do {
      try await authority.start()
      try await body(authority)
    } catch {
      await authority.remove()
      throw error
    }
    await authority.remove()
  }

  /// - Throws: `Fault(.conflict)`: validation of http-01 has no other port.
  static func requirePort80() async throws {
    let found = try await Command("ss", ["-Hltn", "sport = :80"]).check()
    guard found.isEmpty else {
      throw Fault(
        .conflict, operation: "test ACME", reason: "port 80 is taken: \(found)",
        remedy: "stop what listens there; an ACME authority comes to port 80 and no other (RFC 8555 §8.3)")
    }
  }

  private func start() async throws {
    try Self.dns.write(toFile: "\(directory)/dns.py", atomically: true, encoding: .utf8)
    await processes[0].start(
      Command("python3", ["\(directory)/dns.py", "\(dnsPort)"]), log: "\(directory)/dns.log")
    await processes[1].start(
      Command(
        Self.program,
        [
          "server", "-dev", "-dev-root-token-id=root", "-dev-no-store-token", "-dev-tls",
          "-dev-tls-cert-dir=\(directory)", "-dev-listen-address=127.0.0.1:\(port)",
        ], environment: Command.defaultEnvironment.merging(["HOME": directory]) { $1 }), log: "\(directory)/bao.log")
    try await eventually("OpenBao answers") {
      guard FileManager.default.fileExists(atPath: directoryRoots) else { return false }
      return (try? await ask("GET", "sys/health")) != nil
    }
    try await makeAuthorities()
    try await allow(true)
  }

  private func makeAuthorities() async throws {
    for mount in ["pki", "pki_int"] {
      try await ask(
        "POST", "sys/mounts/\(mount)",
        """
        {"type": "pki", "config": {"max_lease_ttl": "87600h",
         "allowed_response_headers": ["Last-Modified", "Location", "Replay-Nonce", "Link"],
         "passthrough_request_headers": ["If-Modified-Since"]}}
        """)
    }
    struct Answer: Decodable {
      struct Content: Decodable {
        var certificate: String?
        var csr: String?
      }
      var data: Content
    }
    func content(_ text: String) throws -> Answer.Content {
      let answer = try JSONDecoder().decode(Answer.self, from: Data(text.utf8))
      return answer.data
    }
    func json(_ fields: [String: String]) throws -> String {
      String(decoding: try JSONEncoder().encode(fields), as: UTF8.self)
    }
    let root = try content(
      try await ask(
        "POST", "pki/root/generate/internal", try json(["common_name": "Test root", "key_type": "ec", "ttl": "8760h"])))
    let request = try content(
      try await ask(
        "POST", "pki_int/intermediate/generate/internal",
        try json(["common_name": "Test intermediate", "key_type": "ec"])))
    let intermediate = try content(
      try await ask(
        "POST", "pki/root/sign-intermediate",
        try json(["csr": request.csr ?? "", "common_name": "Test intermediate", "ttl": "4380h"])))
    try ((root.certificate ?? "") + "\n").write(toFile: roots, atomically: true, encoding: .utf8)
    try await ask(
      "POST", "pki_int/intermediate/set-signed", try json(["certificate": intermediate.certificate ?? ""]))
    try await ask(
      "POST", "pki_int/config/cluster", try json(["path": "\(origin)/v1/pki_int", "aia_path": "\(origin)/v1/pki_int"]))
    try await ask(
      "POST", "pki_int/roles/acme",
      """
      {"allowed_domains": ["lobstack.test"], "allow_subdomains": true, "key_type": "ec", "key_bits": 256,
       "ttl": "\(Self.life)s", "max_ttl": "\(Self.life)s", "not_before_duration": "1s"}
      """)
  }

  /// Switches ACME on or off.
  func allow(_ isEnabled: Bool) async throws {
    try await ask(
      "POST", "pki_int/config/acme",
      """
      {"enabled": \(isEnabled), "default_directory_policy": "role:acme", "allowed_roles": ["acme"],
       "eab_policy": "not-required", "dns_resolver": "127.0.0.1:\(dnsPort)"}
      """)
  }

  @discardableResult
  private func ask(_ method: String, _ path: String, _ body: String = "") async throws -> String {
    try await Command(
      "curl",
      [
        "--silent", "--show-error", "--fail-with-body", "--max-time", "20", "--cacert", directoryRoots, "-X", method,
        "-H", "X-Vault-Token: root", "--data", body, "\(origin)/v1/\(path)",
      ]
    ).check()
  }

  private func remove() async {
    for process in processes { await process.stop() }
    // What is left over is in /tmp; the test's verdict stands without it.
    try? FileManager.default.removeItem(atPath: directory)
  }

  private static let dns = """
    import socket, struct, sys
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", int(sys.argv[1])))
    while True:
        query, peer = s.recvfrom(512)
        end = 12
        while query[end]: end += query[end] + 1
        question, kind = query[12:end + 5], query[end + 2]
        answer = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\5\\0\\4\\x7f\\0\\0\\1" if kind == 1 else b""
        s.sendto(query[:2] + b"\\x81\\x80\\0\\1" + struct.pack(">H", bool(answer)) + b"\\0\\0\\0\\0" + question + answer, peer)
    """
}

/// A program that runs beside a test.
actor TestProcess {
  /// Awaited by `stop`.
  private var task: Task<Void, Never>?

  func start(_ command: Command, log: String) {
    task = Task {
      // How it ended shows in what the test expects of it.
      _ = try? await command.run(appendingTo: log, timeout: .seconds(600))
    }
  }

  func stop() async {
    task?.cancel()
    await task?.value
    task = nil
  }
}

/// Clients of a gateway that verify its certificate, on new connections and on kept ones, until they are told to end.
struct VerifyingClients: Sendable {
  struct Tally: Decodable {
    var requests: Int
    var failures: [String]
    /// Certificates that were seen, each once.
    var serials: [String]
  }

  /// Requests that they make at least, however slow the machine is.
  static let enough = 300

  private let process = TestProcess()
  private let directory: String

  init(in directory: String) { self.directory = directory }

  func start(port: UInt16, name: String, roots: String) async throws {
    try Self.program.write(toFile: "\(directory)/clients.py", atomically: true, encoding: .utf8)
    await process.start(
      Command("python3", ["\(directory)/clients.py", directory, "\(port)", name, roots, "\(Self.enough)"]),
      log: "\(directory)/clients.log")
  }

  func stop() async throws -> Tally {
    try "".write(toFile: "\(directory)/stop", atomically: true, encoding: .utf8)
    let file = "\(directory)/tally.json"
    try await eventually("the clients end") { FileManager.default.fileExists(atPath: file) }
    await process.stop()
    return try JSONDecoder().decode(Tally.self, from: Data(contentsOf: URL(filePath: file)))
  }

  /// About 36 requests a second, which the gateway's limit for one address lets pass.
  private static let program = """
    import http.client, json, os, ssl, sys, threading, time
    home, port, name, roots, enough = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])
    context = ssl.create_default_context(cafile=roots)
    lock, serials, failures, total = threading.Lock(), [], [], [0]

    class Connection(http.client.HTTPSConnection):
        def connect(self):
            http.client.HTTPConnection.connect(self)
            self.sock = context.wrap_socket(self.sock, server_hostname=name)
            with lock:
                serial = self.sock.getpeercert()["serialNumber"]
                if serial not in serials: serials.append(serial)

    def run(keeps):
        connection = None
        while not (os.path.exists(home + "/stop") and total[0] > enough):
            try:
                if connection is None: connection = Connection("127.0.0.1", port, timeout=10)
                connection.request("GET", "/healthz")
                answer = connection.getresponse(); answer.read()
                if answer.status != 200: raise Exception(str(answer.status))
                with lock: total[0] += 1
            except Exception as error:
                with lock: failures.append(repr(error))
                connection = None
            if not keeps and connection: connection.close(); connection = None
            time.sleep(0.1)

    threads = [threading.Thread(target=run, args=(number % 2 == 0,)) for number in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    with open(home + "/tally.new", "w") as file:
        json.dump({"requests": total[0], "failures": failures[:20], "serials": serials}, file)
    os.rename(home + "/tally.new", home + "/tally.json")
    """
}
