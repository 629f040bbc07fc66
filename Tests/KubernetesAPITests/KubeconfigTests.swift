import Faults
import Foundation
import SeededRandom
import Testing

@testable import KubernetesAPI

@Suite("A kubeconfig") struct KubeconfigTests {
  private let certificate = TestCertificate.pem

  private func configuration(
    _ text: String, context: String? = nil, path: String = "/etc/kube/config", environment: [String: String] = [:]
  ) throws -> KubernetesConfiguration {
    var kubeconfig = Kubeconfig()
    try kubeconfig.add(text, path: path)
    return try kubeconfig.configuration(context: context, environment: environment)
  }

  private func text(cluster: String = "server: https://a:6443", user: String = "token: abc") -> String {
    let extensions = cluster.hasPrefix("{") ? "" : "extensions: [{name: x, extension: {last-update: now}}]"
    return """
      apiVersion: v1
      kind: Config
      preferences: {colors: true}
      extensions: []
      current-context: dev
      clusters:
      - name: c
        cluster:
          \(cluster)
          \(extensions)
      users:
      - name: u
        user:
          \(user)
      contexts:
      - name: dev
        context: {cluster: c, user: u, namespace: agents, extensions: []}
      - name: bare
        context: {cluster: c}
      """
  }

  @Test("gives the server, its authority, the namespace and the credential of its current context") func current()
    throws
  {
    let data = Data(certificate.utf8).base64EncodedString()
    let found = try configuration(
      text(
        cluster:
          "{server: \"https://[::1]:6443/k8s\", tls-server-name: kubernetes, certificate-authority-data: \(data)}"))
    #expect(found.server.description == "https://[::1]:6443/k8s")
    #expect(found.server.host == "::1")
    #expect(found.serverName == "kubernetes")
    #expect(found.authority == .inline(SecretBytes(Array(certificate.utf8))))
    #expect(found.namespace == "agents")
    #expect(found.credentials.token == .inline(SecretBytes(Array("abc".utf8))))
    #expect(found.origin == "context dev of /etc/kube/config")
  }

  @Test("gives another context by its name; one without a user is nobody's") func named() throws {
    let found = try configuration(text(), context: "bare")
    #expect(found.namespace == "default")
    #expect(found.credentials.token == nil && found.credentials.certificate == nil && found.credentials.program == nil)
  }

  @Test("is taken or refused with reasons, whatever is changed in it", arguments: 0..<4 as Range<UInt64>)
  func changed(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let whole = Array(
      text(
        cluster: "{server: \"https://a:6443\", certificate-authority-data: eHg=}",
        user: "{exec: {apiVersion: client.authentication.k8s.io/v1, command: a, interactiveMode: Never}}"
      ).utf8)
    let words = ["{", "}", "[", "]", ": ", "- ", "\n", "  ", "&a ", "*a", "<<: ", "~", "!!binary ", "\0", "é", "---\n"]
    var (taken, refused) = (0, 0)
    for _ in 0..<300 {
      let bytes = random.mutate(whole, words: words.map { Array($0.utf8) }, changes: 1...2)
      do {
        _ = try configuration(String(decoding: bytes, as: UTF8.self))
        taken += 1
      } catch {
        let fault = try #require(error as? Fault, "\(error)")
        #expect(!fault.reason.isEmpty && !fault.remedy.isEmpty)
        refused += 1
      }
    }
    #expect(taken > 5 && refused > 100, "\(taken) taken, \(refused) refused")
  }

  @Test("prints no secret") func secrets() throws {
    let found = try configuration(text(user: "token: very-secret"))
    var dump = ""
    Swift.dump(found, to: &dump)
    for printed in ["\(found)", String(reflecting: found), dump] { #expect(!printed.contains("very-secret")) }
  }

  @Test("takes paths from the directory of its own file") func relativePaths() throws {
    let found = try configuration(
      text(user: "{client-certificate: pki/eve.crt, client-key: /abs/eve.key}"), path: "/home/eve/.kube/config")
    #expect(found.credentials.certificate?.chain == .file("/home/eve/.kube/pki/eve.crt"))
    #expect(found.credentials.certificate?.key == .file("/abs/eve.key"))
    #expect(try configuration(text(user: "{token: a, tokenFile: t}")).credentials.token == .file("/etc/kube/t"))
  }

  @Test(
    "is refused where it asks for what is not safe, or not done",
    arguments: [
      ("insecure-skip-tls-verify: true", "", "nobody would know whether it is the API server"),
      ("proxy-url: http://proxy:3128", "", "proxies are not used"),
      ("", "username: eve", "knows no passwords"), ("", "password: x", "knows no passwords"),
      ("", "auth-provider: {name: gcp}", "removed from kubectl"), ("", "as: admin", "another's"),
      ("", "as-groups: [a]", "another's"), ("", "client-key: a", "key without its certificate"),
      ("", "client-certificate: a", "certificate without its key"),
    ])
  func refusals(cluster: String, user: String, reason: String) {
    let cluster = cluster.isEmpty ? "server: https://a" : "{server: \"https://a\", \(cluster)}"
    let text = text(cluster: cluster, user: user.isEmpty ? "token: a" : user)
    let fault = #expect(throws: Fault.self) { try configuration(text) }
    #expect(fault?.reason.contains(reason) == true, "\(fault.map { "\($0)" } ?? "")")
    #expect(fault?.operation.hasPrefix("read /etc/kube/config:") == true)
  }

  @Test(
    "is refused with line and field where it is wrong",
    arguments: [
      ("server: http://a:80", "in the clear"),
      ("server: https://a:99999", "no port"),
      ("server: https://a/../b", "'..'"),
      ("server: ftp://a", "no https address"),
      ("server: [a]", "expected text, found a list"),
      ("name: a", "the field clusters[0].cluster.server is missing"),
    ])
  func places(cluster: String, reason: String) {
    let fault = #expect(throws: Fault.self) { try configuration(text(cluster: cluster)) }
    #expect(fault?.description.contains(reason) == true, "\(fault.map { "\($0)" } ?? "")")
    #expect(fault?.operation.contains("/etc/kube/config:9") == true, "\(fault.map { "\($0)" } ?? "")")
  }

  @Test("is refused for data that is no base64, and for an authority that is no certificate") func data() {
    for cluster in [
      "certificate-authority-data: '%%'", "certificate-authority-data: aGVsbG8=", "certificate-authority: /nowhere/ca",
    ] {
      let text = text().replacing("server: https://a:6443", with: "server: https://a:6443\n    \(cluster)")
      #expect(throws: Fault.self, "\(cluster)") { try configuration(text) }
    }
  }

  @Test("names what there is when a name in it leads nowhere") func dangling() throws {
    for (text, name, reason) in [
      (text(), "prod", "it has no context 'prod'"),
      (text().replacing("cluster: c,", with: "cluster: x,"), "dev", "there is no cluster 'x'"),
      (text().replacing("user: u,", with: "user: x,"), "dev", "there is no user 'x'"),
    ] {
      let fault = #expect(throws: Fault.self) { try configuration(text, context: name) }
      #expect(fault?.reason == reason)
    }
    let none = #expect(throws: Fault.self) { try configuration("") }
    #expect(none?.reason == "it has no current-context")
  }

  @Test("is refused when it is none, is two, or has a name twice") func noKubeconfig() {
    for text in [
      "kind: Pod", "apiVersion: v2", "- a", "clusters: [{name: a}, {name: a}]", "a: 1\n---\nb: 2", "clusters: {}", "{",
      "users: [{user: {}}]",
    ] {
      #expect(throws: Fault.self, "\(text)") { try configuration(text) }
    }
  }

  @Test("may be several files, of which the first counts that has an entry") func merging() throws {
    let directory = try TestDirectory()
    defer { directory.remove() }
    let first = try directory.write(
      "a/config", text(user: "token: first").replacing("current-context: dev\n", with: ""))
    let second = try directory.write(
      "b/config",
      """
      current-context: other
      users: [{name: u, user: {token: second}}, {name: v, user: {tokenFile: t}}]
      contexts: [{name: other, context: {cluster: c, user: v}}]
      """)
    let environment = ["KUBECONFIG": "\(first):/nowhere/config::\(second)"]
    let kubeconfig = try #require(try Kubeconfig.load(path: nil, environment: environment))
    let found = try kubeconfig.configuration(environment: [:])
    #expect(found.origin.hasPrefix("context other of \(first):"))
    #expect(found.credentials.token == .file("\(directory.path)/b/t"))
    let dev = try kubeconfig.configuration(context: "dev", environment: [:])
    #expect(dev.credentials.token == .inline(SecretBytes(Array("first".utf8))))
  }

  @Test("is looked for where it is named, then in KUBECONFIG, then at home, then around the pod") func discovery()
    throws
  {
    let directory = try TestDirectory()
    defer { directory.remove() }
    let named = try directory.write("named", text(user: "token: named"))
    let variable = try directory.write("variable", text(user: "token: variable"))
    _ = try directory.write(".kube/config", text(user: "token: home"))
    func token(_ path: String?, _ environment: [String: String]) throws -> Material? {
      try KubernetesConfiguration.discover(kubeconfig: path, environment: environment).credentials.token
    }
    func inline(_ text: String) -> Material { .inline(SecretBytes(Array(text.utf8))) }
    let home = ["HOME": directory.path]
    #expect(try token(named, ["KUBECONFIG": variable]) == inline("named"))
    #expect(try token(nil, ["KUBECONFIG": variable].merging(home) { $1 }) == inline("variable"))
    #expect(try token(nil, home) == inline("home"))
    for (path, environment) in [
      ("/nowhere/config" as String?, home), (nil, ["KUBECONFIG": "/nowhere/config"].merging(home) { $1 }), (nil, [:]),
    ] {
      let fault = #expect(throws: Fault.self) { try token(path, environment) }
      #expect(fault?.code == .notFound)
    }
  }
}

@Suite("The configuration of a pod") struct InClusterTests {
  @Test("is in its environment and in the files of its service account", arguments: ["10.0.0.1", "fd00::1"])
  func found(host: String) throws {
    let directory = try TestDirectory()
    defer { directory.remove() }
    _ = try directory.write("token", "t")
    _ = try directory.write("namespace", "lobstack\n")
    let found = try KubernetesConfiguration.inCluster(
      environment: ["KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"], directory: directory.path)
    #expect(found.server.host == host)
    #expect(found.server.description == (host == "fd00::1" ? "https://[fd00::1]:443" : "https://10.0.0.1:443"))
    #expect(found.namespace == "lobstack")
    #expect(found.authority == .file("\(directory.path)/ca.crt"))
    #expect(found.credentials.token == .file("\(directory.path)/token"))
  }

  @Test("is not there outside of pods, and in pods without a token") func absent() {
    let environment = ["KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"]
    for environment in [environment, [:]] {
      let fault = #expect(throws: Fault.self) {
        try KubernetesConfiguration.inCluster(environment: environment, directory: "/nowhere")
      }
      #expect(fault?.code == .notFound)
    }
  }
}
