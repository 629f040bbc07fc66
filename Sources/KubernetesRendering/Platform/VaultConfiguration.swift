import AgentModel
import Documents
import Faults

/// What an OpenBao server of a cluster reads: for each Pod a directory of its name, so that one argument,
/// `-config=…/$(POD_NAME)`, tells it what it is.
///
/// A server whose configuration has `initialize` stanzas and whose disk is empty begins a cluster of its own, whoever it
/// might have joined. So the first Pod alone has them, and it only while the ConfigMap with them is there: from its
/// first start to its deletion. A first Pod that loses its disk later joins the others as they do.
struct VaultConfiguration {
  let values: Values
  let texts: PolicyTexts

  static let name = "openbao"
  static let firstStartName = "openbao-first-start"
  static let headlessService = "openbao-internal"
  static let sealSecret = "openbao-seal"
  static let certificateSecret = "openbao-tls"
  static let operatorAccount = "vault-operator"
  static let apiPort: UInt16 = 8200
  static let clusterPort: UInt16 = 8201

  static let directory = "/openbao/platform"
  static let dataDirectory = "/openbao/data"
  static let certificateDirectory = "/openbao/tls"
  static let sealDirectory = "/openbao/seal"

  private static let policies = "vault/policies"
  private static let provisioning = ["vault/kubernetes.hcl", "vault/provision.hcl"]

  var pods: [String] { (0..<values.vault.replicas).map { "\(Self.name)-\($0)" } }

  /// The name of one of them, by which every namespace finds it.
  func host(of pod: String) -> String { "\(pod).\(Self.headlessService).\(values.namespaces.vault).svc" }

  var isSealedByFile: Bool { values.vault.seal.map { $0.kind == "static" } ?? true }

  /// The same for every server: their names they have of their environment.
  var server: String {
    let peers = pods.map { pod in
      """
        retry_join {
          leader_api_addr     = "https://\(host(of: pod)):\(Self.apiPort)"
          leader_ca_cert_file = "\(Self.certificateDirectory)/ca.crt"
        }

      """
    }
    return """
      cluster_name = "lobstack"

      # Standbys answer by what they have, which may be older than what was just written: the leader answers for them.
      disable_standby_reads = true

      storage "raft" {
        path                   = "\(Self.dataDirectory)"
        performance_multiplier = 1

      \(peers.joined(separator: "\n"))}

      listener "tcp" {
        address         = "[::]:\(Self.apiPort)"
        cluster_address = "[::]:\(Self.clusterPort)"
        tls_cert_file   = "\(Self.certificateDirectory)/tls.crt"
        tls_key_file    = "\(Self.certificateDirectory)/tls.key"
        tls_min_version = "tls13"
      }

      \(seal)
      # It has to be the same on every server: one that has another cannot become the leader.
      audit "file" "stdout" {
        options {
          file_path = "stdout"
        }
      }

      """
  }

  private var seal: String {
    values.vault.seal?.text ?? """
      seal "static" {
        current_key_id = "1"
        current_key    = "file://\(Self.sealDirectory)/key"
      }

      """
  }

  /// What the policy says, and the requests that set its ACL policies, by file name.
  ///
  /// - Throws: `Fault(.invalid)` when a file of the policy is missing.
  func firstStart() throws -> [String: String] {
    var files: [String: String] = ["policies.hcl": policyRequests]
    for path in Self.provisioning { files[base(path)] = inForce(try texts.text(path)) }
    for (path, text) in policyFiles { files[base(path)] = text }
    return files
  }

  /// Where the files of the two ConfigMaps are in each Pod.
  func sources() throws -> [PodTemplate.Projected.Source] {
    typealias Item = PodTemplate.KeyPath
    let first = pods[0]
    let policies = Set(policyFiles.map { base($0.path) })
    let items = try firstStart().keys.sorted().map { name in
      Item(key: name, path: policies.contains(name) ? "policies/\(name)" : "\(first)/\(name)")
    }
    return [
      PodTemplate.Projected.Source(
        configMap: PodTemplate.Projected.ConfigMap(
          name: Self.name, items: pods.map { Item(key: "server.hcl", path: "\($0)/server.hcl") })),
      PodTemplate.Projected.Source(
        configMap: PodTemplate.Projected.ConfigMap(name: Self.firstStartName, items: items, optional: true)),
    ]
  }

  private var policyFiles: [(path: String, text: String)] {
    texts.files(below: Self.policies).filter { $0.path.hasSuffix(".hcl") }
  }

  private var policyRequests: String {
    let requests = policyFiles.map { path, _ in
      """
        request "\(base(path).dropLast(".hcl".count))" {
          operation = "update"
          path      = "sys/policies/acl/\(base(path).dropLast(".hcl".count))"
          data = {
            policy = { eval_type = "string", eval_source = "file", path = "\(Self.directory)/policies/\(base(path))" }
          }
        }

      """
    }
    return "initialize \"policies\" {\n\(requests.joined(separator: "\n"))}\n"
  }

  /// With the names of this cluster for those that the files have in their places.
  private func inForce(_ text: String) -> String {
    let names = values.namespaces
    return text.replacing("spiffe://\(TrustDomain.default)/", with: "spiffe://\(values.trustDomain)/")
      .replacing("\"@control-plane\"", with: "\"\(names.controlPlane)\"")
      .replacing("\"@vault\"", with: "\"\(names.vault)\"")
      .replacing("\"@agents\"", with: "\"\(names.agents)\"")
      .replacing("\"@agents-*\"", with: "\"\(names.agents)-*\"")
  }

  private func base(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
}
