import Faults
import Foundation
import HCL
import KubernetesRendering
import Manifests
import Testing

@Suite("The secrets manager of a cluster") struct VaultRenderingTests {
  @Test(
    "begins one cluster: the first server alone initialises, and while its first start is there", arguments: [1, 3, 5])
  func oneSeed(replicas: Int) throws {
    let rendering = try Rendering(yaml: "vault: {replicas: \(replicas)}")
    let first = try #require(rendering.object("ConfigMap", "openbao-first-start"))
    // To apply everything again does not bring it back.
    #expect(!first.isApplied)
    for object in rendering.objects where object.isApplied && object.kind == "ConfigMap" {
      for (key, text) in object.body["data"]?.texts ?? [:] {
        #expect(!text.contains("initialize \""), "\(object) \(key)")
      }
    }
    let sources = try projected(rendering)
    let source = try #require(sources.first { $0["name"]?.text == "openbao-first-start" })
    #expect(source["optional"]?.flag == true)
    let data = first.body["data"]?.texts ?? [:]
    for item in source["items"]?.items ?? [] {
      let (key, path) = (try #require(item["key"]?.text), try #require(item["path"]?.text))
      let isRead = path.hasPrefix("openbao-0/")
      #expect(isRead == (data[key]?.contains("initialize \"") == true), "\(path)")
      #expect(isRead || path.hasPrefix("policies/"), "\(path)")
    }
  }

  @Test("gives each server a configuration, the same one, in which it asks all others to let it join")
  func sameForAll() throws {
    let rendering = try Rendering(yaml: "vault: {replicas: 5}")
    let source = try #require(try projected(rendering).first { $0["name"]?.text == "openbao" })
    let paths = (source["items"]?.items ?? []).compactMap { $0["path"]?.text }
    #expect(paths == (0..<5).map { "openbao-\($0)/server.hcl" })
    let server = try server(rendering)
    let storage = try #require(server.blocks.first { $0.type == "storage" })
    let joins = storage.blocks.filter { $0.type == "retry_join" }.compactMap { $0.attributes["leader_api_addr"] }
    #expect(joins == (0..<5).map { .string("https://openbao-\($0).openbao-internal.lobstack-vault.svc:8200") })
    // Two names would be two devices, and one of the servers could never lead.
    #expect(server.blocks.filter { $0.type == "audit" }.count == 1)
    #expect(server.blocks.first { $0.type == "listener" }?.attributes["tls_min_version"] == .string("tls13"))
    #expect(server.blocks.first { $0.type == "listener" }?.attributes["tls_disable"] == nil)
  }

  @Test("starts with the policy as it stands, for the names of this cluster") func policy() throws {
    let rendering = try Rendering(
      yaml: """
        trustDomain: example.org
        namespaces: {agents: bots, controlPlane: brain, vault: safe}
        """)
    let data = try #require(rendering.object("ConfigMap", "openbao-first-start")?.body["data"]?.texts)
    for name in ["lobstack-agent", "lobstack-control-plane", "lobstack-identities", "lobstack-operator"] {
      let path = "\(Rendering.policyDirectory)/vault/policies/\(name).hcl"
      #expect(data["\(name).hcl"] == (try String(contentsOfFile: path, encoding: .utf8)))
    }
    let requests = try HCLDocument(parsing: data["policies.hcl"] ?? "", file: "policies.hcl").blocks[0].blocks
    #expect(
      requests.compactMap { $0.attributes["path"] } == [
        .string("sys/policies/acl/lobstack-agent"), .string("sys/policies/acl/lobstack-control-plane"),
        .string("sys/policies/acl/lobstack-identities"), .string("sys/policies/acl/lobstack-operator"),
      ])
    #expect(data["provision.hcl"]?.contains("spiffe://example.org/ns/*/agent/*") == true)
    for (key, text) in data where key.hasSuffix(".hcl") {
      _ = try HCLDocument(parsing: text, file: key)
      #expect(!text.contains("lobstack.local"), "\(key)")
    }
    let logins = try HCLDocument(parsing: data["kubernetes.hcl"] ?? "", file: "kubernetes.hcl").blocks[0].blocks
    func namespaces(_ role: String) -> HCLValue? {
      guard case .object(let data)? = logins.first(where: { $0.labels == [role] })?.attributes["data"] else {
        return nil
      }
      return data["bound_service_account_namespaces"]
    }
    #expect(namespaces("agent") == .list([.string("bots"), .string("bots-*")]))
    #expect(namespaces("control-plane") == .list([.string("brain")]))
    #expect(namespaces("identities") == .list([.string("brain")]))
    #expect(namespaces("operator") == .list([.string("safe")]))
  }

  @Test(
    "lets nobody in by another's token: every role asks for tokens that were made for it, and gives no default policy")
  func roles() throws {
    let data = try #require(try Rendering.standard().object("ConfigMap", "openbao-first-start")?.body["data"]?.texts)
    let stanza = try HCLDocument(parsing: data["kubernetes.hcl"] ?? "", file: "kubernetes.hcl").blocks[0]
    var roles = 0
    for request in stanza.blocks {
      guard case .string(let path)? = request.attributes["path"], path.contains("/role/"),
        case .object(let data)? = request.attributes["data"]
      else { continue }
      roles += 1
      #expect(data["audience"] == .string("openbao") && data["token_no_default_policy"] == .bool(true), "\(path)")
      #expect(data["alias_name_source"] == .string("serviceaccount_uid"), "\(path)")
    }
    #expect(roles == 4)
  }

  @Test("is reached by those of the control plane that may log in, and by no other of its programs") func clients()
    throws
  {
    let rendering = try Rendering.standard()
    let data = try #require(rendering.object("ConfigMap", "openbao-first-start")?.body["data"]?.texts)
    let roles = try HCLDocument(parsing: data["kubernetes.hcl"] ?? "", file: "kubernetes.hcl").blocks[0].blocks
    let names = ["control-plane", "identities"].flatMap { name -> [HCLValue] in
      guard case .object(let role)? = roles.first(where: { $0.labels == [name] })?.attributes["data"],
        case .list(let names)? = role["bound_service_account_names"]
      else { return [] }
      return names
    }
    #expect(names.count == 2)
    let peers = rendering.object("NetworkPolicy", "openbao")?.spec?["ingress"]?.items.first?["from"]?.items ?? []
    let reach = peers.filter {
      $0["namespaceSelector"]?["matchLabels"]?["kubernetes.io/metadata.name"]?.text == "lobstack-control-plane"
    }
    #expect(
      reach.compactMap { $0["podSelector"]?["matchLabels"]?["app.kubernetes.io/name"]?.text }.map { .string($0) }
        == names)
    for name in names {
      guard case .string(let name) = name else { continue }
      #expect(rendering.object("NetworkPolicy", "\(name)-to-vault")?.namespace == "lobstack-control-plane")
    }
  }

  @Test("is where the operator and the secrets' provider look for it, by an authority that they are given")
  func address() throws {
    let rendering = try Rendering(yaml: "namespaces: {vault: safe}")
    let address = "https://openbao.safe.svc:8200"
    let pod = try #require(rendering.object("Deployment", "operator")?.podTemplate?["spec"])
    let arguments = try #require(try pod["containers"]?.items.first?["args"]?.strings())
    func value(_ option: String) -> String? {
      arguments.firstIndex(of: option).flatMap { $0 + 1 < arguments.count ? arguments[$0 + 1] : nil }
    }
    #expect(value("--vault-addr") == address)
    let mounts = try #require(pod["containers"]?.items.first?["volumeMounts"]?.items)
    let mount = try #require(mounts.first { $0["name"]?.text == "vault" }?["mountPath"]?.text)
    let sources = pod["volumes"]?.items.first { $0["name"]?.text == "vault" }?["projected"]?["sources"]?.items ?? []
    let token = try #require(sources.compactMap { $0["serviceAccountToken"] }.first)
    #expect(token["audience"]?.text == "openbao")
    #expect(value("--vault-account-token") == "\(mount)/\(token["path"]?.text ?? "")")
    let authority = try #require(sources.compactMap { $0["configMap"] }.first)
    #expect(value("--vault-ca") == "\(mount)/\(authority["items"]?.items.first?["path"]?.text ?? "")")
    let text = try #require(try rendering.text("helm/openbao-csi-values.yaml"))
    #expect(text.contains("-openbao-addr=\(address)") && text.contains(authority["name"]?.text ?? "?"))
  }

  @Test("keeps what it stores, and a majority of itself") func durable() throws {
    let rendering = try Rendering.standard()
    let spec = try #require(rendering.object("StatefulSet", "openbao")?.spec)
    #expect(spec["persistentVolumeClaimRetentionPolicy"]?.texts == ["whenDeleted": "Retain", "whenScaled": "Retain"])
    let storageClass = spec["volumeClaimTemplates"]?.items.first?["spec"]?["storageClassName"]?.text
    #expect(rendering.object("StorageClass", storageClass ?? "")?.body["reclaimPolicy"]?.text == "Retain")
    #expect(rendering.object("PodDisruptionBudget", "openbao")?.spec?["minAvailable"]?.number == 2)
    // One server cannot spare itself, and its node has to be emptied all the same.
    #expect(try Rendering(yaml: "vault: {replicas: 1}").object("PodDisruptionBudget", "openbao") == nil)
  }

  @Test("is unsealed by a key that the cluster's people make, or by a service that they name") func seal() throws {
    let own = try Rendering.standard()
    #expect(try server(own).blocks.first { $0.type == "seal" }?.labels == ["static"])
    #expect(secrets(own) == ["openbao-tls", "openbao-seal"])
    let service = try Rendering(
      yaml: """
        vault:
          seal: |
            seal "awskms" {
              region     = "eu-central-1"
              kms_key_id = "alias/openbao"
            }
        """)
    let seals = try server(service).blocks.filter { $0.type == "seal" }
    #expect(seals.map(\.labels) == [["awskms"]] && seals[0].attributes["region"] == .string("eu-central-1"))
    #expect(secrets(service) == ["openbao-tls"])
  }

  @Test(
    "takes no seal that is none, or that tells a secret",
    arguments: [
      (#"seal "awskms" { secret_key = "abc" }"#, "'secret_key' is a secret"),
      (#"seal "awskms" { access_key = "abc" }"#, "'access_key' is a secret"),
      (#"seal "static" { current_key = "abc" }"#, "'current_key' is a secret"),
      (#"seal "static" { previous_key = "abc" }"#, "'previous_key' is a secret"),
      (#"seal "transit" { token = "abc" }"#, "'token' is a secret"),
      (#"seal "pkcs11" { pin = 1234 }"#, "'pin' is a secret"),
      (#"seal "azurekeyvault" { client_secret = "abc" }"#, "'client_secret' is a secret"),
      ("seal \"awskms\" {\n    }\n    seal \"awskms\" {\n    }", "one seal stanza"),
      (#"listener "tcp" { tls_disable = true }"#, "one seal stanza"), (#"region = "a""#, "one seal stanza"),
      ("seal", "vault.seal:1"),
    ])
  func badSeal(text: String, reason: String) throws {
    let fault = try #require(throws: Fault.self) { try Values("vault:\n  seal: |\n    \(text)\n", source: "v") }
    #expect("\(fault)".contains("v:2 vault.seal") && "\(fault)".contains(reason), "\(fault)")
    #expect(!"\(fault)".contains("abc"))
  }

  @Test("takes a seal that names where its secrets are") func goodSeal() throws {
    let values = try Values(
      """
      vault:
        seal: |
          seal "static" {
            current_key_id  = "2"
            current_key     = "file:///openbao/seal/key"
            previous_key_id = "1"
            previous_key    = "file:///openbao/seal/previous"
          }
      """, source: "v")
    #expect(values.vault.seal?.kind == "static")
  }

  @Test("is the same by OpenBao's own chart: the same configuration, and nothing of root's") func chart() throws {
    let text = try #require(try Rendering.standard().text("helm/openbao-values.yaml"))
    let server = try #require(try Manifest.parseOne(text, source: "chart")["server"])
    #expect(server["extraArgs"]?.text == "-config=/openbao/platform/$(BAO_K8S_POD_NAME)")
    let volume = server["volumes"]?.items.first { $0["name"]?.text == "platform" }
    let names = volume?["projected"]?["sources"]?.items.compactMap { $0["configMap"]?["name"]?.text }
    #expect(names == ["openbao", "openbao-first-start"])
    let security = server["statefulSet"]?["securityContext"]?["container"]
    #expect(security?["capabilities"]?["drop"]?.items.compactMap(\.text) == ["ALL"])
    #expect(security?["readOnlyRootFilesystem"]?.flag == true)
    #expect(server["image"]?.texts == ["registry": "quay.io", "repository": "openbao/openbao", "tag": "2.7.2"])
    #expect(server["ha"]?["replicas"]?.number == 3)
  }

  private func projected(_ rendering: Rendering) throws -> [Manifest] {
    let pod = try #require(rendering.object("StatefulSet", "openbao")?.podTemplate?["spec"])
    let container = try #require(pod["containers"]?.items.first)
    #expect(container["command"]?.items.last?.text == "-config=/openbao/platform/$(POD_NAME)")
    let mount = container["volumeMounts"]?.items.first { $0["mountPath"]?.text == "/openbao/platform" }
    let volume = try #require(pod["volumes"]?.items.first { $0["name"]?.text == mount?["name"]?.text })
    return volume["projected"]?["sources"]?.items.compactMap { $0["configMap"] } ?? []
  }

  private func server(_ rendering: Rendering) throws -> HCLDocument {
    try HCLDocument(
      parsing: rendering.object("ConfigMap", "openbao")?.body["data"]?["server.hcl"]?.text ?? "", file: "server.hcl")
  }

  private func secrets(_ rendering: Rendering) -> [String] {
    (rendering.object("StatefulSet", "openbao")?.podTemplate?["spec"]?["volumes"]?.items ?? [])
      .compactMap { $0["secret"]?["secretName"]?.text }
  }
}
