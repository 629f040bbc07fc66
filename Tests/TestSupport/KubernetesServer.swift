import ChildProcess
import Faults
import Foundation
import KubernetesAPI
import Synchronization

/// A real API server of Kubernetes with an etcd of its own, on an address that nobody else has; gone when the test is
/// over.
///
/// There are no controllers beside it: nothing makes service accounts, collects garbage or empties namespaces.
package final class KubernetesServer: Sendable {
  /// The program under `KUBE_APISERVER`, which no package of Debian brings; without it tests that need it are skipped.
  package static let program = ProcessInfo.processInfo.environment["KUBE_APISERVER"]
  package static let isThere = program != nil
  private static let etcd = ProcessInfo.processInfo.environment["ETCD"] ?? "etcd"

  package let directory: String
  package let address: String
  /// Of an administrator, by a client certificate.
  package let kubeconfig: String
  private let arguments: [String]
  private let processes = Mutex<[String: Task<Void, Never>]>([:])
  private let ended = Mutex<Set<String>>([])

  /// Runs `body` with a server of its own.
  ///
  /// - Parameter arguments: more of kube-apiserver's; the last of a kind counts.
  package static func with<Value>(
    arguments: [String] = [], _ body: (KubernetesServer) async throws -> Value
  ) async throws -> Value {
    let server = try KubernetesServer(arguments: arguments)
    let result: Result<Value, any Error>
    do {
      try await server.makeCredentials()
      server.start("etcd", Self.etcd, server.etcdArguments)
      try await server.waitForEtcd()
      try await server.startAPI()
      result = .success(try await body(server))
    } catch {
      result = .failure(error)
    }
    await server.close()
    return try result.get()
  }

  private init(arguments: [String]) throws {
    let number = UInt16.random(in: .min ... .max)
    directory = "/tmp/lobstack-kubernetes-\(number)"
    address = "127.181.\(number >> 8).\(number & 0xff)"
    kubeconfig = "\(directory)/kubeconfig"
    self.arguments = arguments
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
  }

  package static let port = 6443
  package var url: String { "https://\(address):\(Self.port)" }
  private var etcdURL: String { "http://\(address):2379" }

  /// That of the administrator.
  package func configuration() throws -> KubernetesConfiguration {
    try KubernetesConfiguration.discover(kubeconfig: kubeconfig, environment: [:])
  }

  /// As a user who is known by a token and has no rights but those that a test gives.
  ///
  /// - Parameters:
  ///   - port: where something stands between, on the server's own address.
  ///   - file: where the token is read, instead of being known.
  package func configuration(
    user: String, port: Int = KubernetesServer.port, tokenFile file: String? = nil
  ) throws -> KubernetesConfiguration {
    KubernetesConfiguration(
      server: try ServerAddress("https://\(address):\(port)", operation: "use \(user)"),
      authority: .file("\(directory)/ca.crt"),
      credentials: CredentialSource(
        token: try file.map { .file($0) } ?? .inline(SecretBytes(Array(token(of: user).utf8)))),
      origin: "user \(user)")
  }

  package func token(of user: String) throws -> String {
    guard let token = Self.tokens[user] else {
      throw Fault(.notFound, operation: "use \(user)", reason: "there is no such user", remedy: "name another")
    }
    return token
  }

  /// Of this server alone, which nobody reaches from elsewhere.
  private static let tokens = [
    "eve": "token-of-eve", "operator": "token-of-operator", "sentinel": "token-of-sentinel",
  ]

  /// Ends the API server at once, as a crash does.
  package func stopAPI() async { await stop("kube-apiserver") }

  /// Starts it, and waits until it is ready.
  package func startAPI() async throws {
    start("kube-apiserver", Self.program ?? "kube-apiserver", apiArguments)
    let client = try KubernetesClient(configuration(), fieldManager: "test", patience: .zero)
    let result: Result<Void, any Error>
    do {
      try await waitUntil("kube-apiserver is ready") { (try? await client.text(at: "/readyz")) == "ok" }
      result = .success(())
    } catch { result = .failure(error) }
    try await client.shutdown()
    try result.get()
  }

  /// Has etcd forget every state but the newest.
  package func compact() async throws {
    let etcd = "\(etcdURL)/v3/kv"
    let range = try await post("\(etcd)/range", #"{"key":"AA=="}"#)
    guard let match = range.firstMatch(of: /"revision":"([0-9]+)"/) else {
      throw Fault(.failed, operation: "ask etcd", reason: range, remedy: "see its log")
    }
    _ = try await post("\(etcd)/compaction", #"{"revision":"\#(match.1)","physical":true}"#)
  }

  private func post(_ url: String, _ body: String) async throws -> String {
    try await Command("curl", ["--silent", "--fail", "--data", body, url]).check()
  }

  private var etcdArguments: [String] {
    [
      "--data-dir=\(directory)/etcd", "--listen-client-urls=\(etcdURL)", "--advertise-client-urls=\(etcdURL)",
      "--listen-peer-urls=http://\(address):2380", "--initial-advertise-peer-urls=http://\(address):2380",
      "--initial-cluster=default=http://\(address):2380", "--log-level=warn",
    ]
  }

  private var apiArguments: [String] {
    [
      "--etcd-servers=\(etcdURL)", "--bind-address=\(address)", "--advertise-address=\(address)", "--secure-port=6443",
      "--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.0.0.0/24",
      "--tls-cert-file=\(directory)/server.crt", "--tls-private-key-file=\(directory)/server.key",
      "--client-ca-file=\(directory)/ca.crt", "--token-auth-file=\(directory)/tokens.csv",
      "--service-account-issuer=https://kubernetes.default.svc", "--authorization-mode=RBAC",
      "--service-account-key-file=\(directory)/server.crt",
      "--service-account-signing-key-file=\(directory)/server.key",
      // It wants a controller that makes service accounts.
      "--disable-admission-plugins=ServiceAccount",
    ] + arguments
  }

  private func makeCredentials() async throws {
    func path(_ name: String) -> String { "\(directory)/\(name)" }
    try await openssl([
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
      "/CN=test", "-keyout", path("ca.key"), "-out", path("ca.crt"),
    ])
    try await certificate("server", subject: "/CN=kube-apiserver", names: "IP:\(address),IP:10.0.0.1,DNS:kubernetes")
    try await certificate("admin", subject: "/O=system:masters/CN=admin")
    let tokens = Self.tokens.map { #"\#($0.value),\#($0.key),uid-\#($0.key)"# }.sorted().joined(separator: "\n")
    try "\(tokens)\n".write(toFile: path("tokens.csv"), atomically: true, encoding: .utf8)
    try """
    apiVersion: v1
    kind: Config
    current-context: test
    clusters:
    - name: test
      cluster: {server: "\(url)", certificate-authority: ca.crt}
    users:
    - name: admin
      user: {client-certificate: admin.crt, client-key: admin.key}
    contexts:
    - name: test
      context: {cluster: test, user: admin}

    """.write(toFile: kubeconfig, atomically: true, encoding: .utf8)
  }

  /// Signs a certificate for the server or for a client.
  ///
  /// - Parameter days: from now; fewer than none for one that is over.
  package func certificate(_ name: String, subject: String, names: String = "DNS:\(UUID())", days: Int = 2) async throws
  {
    let (key, request) = ("\(directory)/\(name).key", "\(directory)/\(name).csr")
    try await openssl([
      "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject, "-addext",
      "subjectAltName=\(names)", "-keyout", key, "-out", request,
    ])
    try await openssl([
      "x509", "-req", "-in", request, "-CA", "\(directory)/ca.crt", "-CAkey", "\(directory)/ca.key", "-CAcreateserial",
      "-days", "\(days)", "-copy_extensions", "copy", "-out", "\(directory)/\(name).crt",
    ])
  }

  private func openssl(_ arguments: [String]) async throws { try await Command("openssl", arguments).check() }

  private func start(_ name: String, _ program: String, _ arguments: [String]) {
    ended.withLock { _ = $0.remove(name) }
    let task = Task { [directory, self] in
      // How it ended shows in what the test expects of it.
      _ = try? await Command(program, arguments).run(appendingTo: "\(directory)/\(name).log", timeout: .seconds(1_800))
      ended.withLock { _ = $0.insert(name) }
    }
    processes.withLock { $0[name] = task }
  }

  private func stop(_ name: String) async {
    guard let task = processes.withLock({ $0.removeValue(forKey: name) }) else { return }
    task.cancel()
    await task.value
  }

  private func waitForEtcd() async throws {
    try await waitUntil("etcd answers") { [etcdURL] in
      let answer = try? await Command("curl", ["--silent", "\(etcdURL)/health"]).check()
      return answer?.contains("true") == true
    }
  }

  private func waitUntil(_ what: String, _ isSo: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(120)
    while try await !isSo() {
      guard ContinuousClock.now < deadline, ended.withLock({ $0.isEmpty }) else {
        throw Fault(.timedOut, operation: "wait until \(what)", reason: logs, remedy: "read it")
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  /// The end of what both wrote.
  private var logs: String {
    ["etcd", "kube-apiserver"].map { name in
      let text = (try? String(contentsOfFile: "\(directory)/\(name).log", encoding: .utf8)) ?? "no log"
      return "--- \(name)\n\(text.suffix(3_000))"
    }.joined(separator: "\n")
  }

  private func close() async {
    await stop("kube-apiserver")
    await stop("etcd")
    // What is left over is in /tmp; the test's verdict stands without it.
    try? FileManager.default.removeItem(atPath: directory)
  }
}
