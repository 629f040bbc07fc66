import AgentModel
import HCL
import SecretStore
import TestSupport
import Testing

@Suite("The first start of a cluster's secrets manager") struct VaultFirstStartTests {
  @Test("fills a real server with the whole policy and with the logins of service accounts", .timeLimit(.minutes(1)))
  func filled() async throws {
    let rendering = try Rendering(yaml: "trustDomain: \(TrustDomain.default)")
    func data(_ name: String) throws -> [String: String] {
      try #require(rendering.object("ConfigMap", name)?.body["data"]?.texts)
    }
    let firstStart = try data("openbao-first-start")
    let world = try await VaultWorld.start { place in
      // Where a Pod would have them mounted.
      func moved(_ text: String) -> String {
        text.replacing("[::]", with: place.address).replacing("/openbao/data", with: "\(place.directory)/data")
          .replacing("/openbao/tls/tls.crt", with: place.certificate)
          .replacing("/openbao/tls/ca.crt", with: place.certificate)
          .replacing("/openbao/tls/tls.key", with: place.key).replacing("/openbao/seal/key", with: place.sealKey)
          .replacing("/openbao/platform/policies", with: "\(Rendering.policyDirectory)/vault/policies")
          // Of the Pod: its authority's certificate and its token.
          .replacing(
            "\"https://kubernetes.default.svc\" }", with: "\"https://kubernetes.default.svc\", \(pod(place)) }")
      }
      var files = firstStart.filter { ["kubernetes.hcl", "policies.hcl", "provision.hcl"].contains($0.key) }
      #expect(files.count == 3)
      files["server.hcl"] = try data("openbao")["server.hcl"]
      files["names.hcl"] = """
        api_addr     = "https://\(place.address):8200"
        cluster_addr = "https://\(place.address):8201"

        """
      files["additions.hcl"] = place.additions
      return files.mapValues(moved)
    }
    do {
      var policy = try VaultPolicy.load(directory: VaultWorld.policyDirectory, trustDomain: .default)
      let logins = try HCLDocument(parsing: firstStart["kubernetes.hcl"] ?? "", file: "kubernetes.hcl").blocks[0].blocks
      for login in logins {
        guard case .string(let path)? = login.attributes["path"], case .object(let data)? = login.attributes["data"]
        else { continue }
        policy = policy.adding(ProvisioningRequest(name: login.labels[0], path: path, data: data))
      }
      #expect(policy.requests.contains { $0.path == "auth/kubernetes/role/agent" })
      #expect(try await Provisioner(world.asOperator, policy: policy).drift().isEmpty)
      #expect(try await world.asControlPlane.status(of: VaultProbe(.read, "auth/kubernetes/role/agent")) == 200)
    } catch {
      await world.close()
      throw error
    }
    await world.close()
  }

  private func pod(_ place: VaultWorld.Place) -> String {
    "disable_local_ca_jwt = true, kubernetes_ca_cert = { eval_type = \"string\", eval_source = \"file\", path = \"\(place.certificate)\" }"
  }
}
