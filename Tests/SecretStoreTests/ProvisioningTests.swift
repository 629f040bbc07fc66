import AgentModel
import Faults
import Foundation
import HCL
import SecretStore
import TestSupport
import Testing

@Suite("Provisioning", .serialized, .withVault) struct ProvisioningTests {
  private let policy: VaultPolicy

  init() throws { policy = try VaultPolicy.load(directory: VaultWorld.policyDirectory, trustDomain: .default) }

  @Test("by a first start leaves nothing to mend, for those who may mend and for those who may look")
  func firstStart() async throws {
    try await VaultWorld.with { world in
      let (seen, looked) = (
        try await Provisioner(world.asOperator, policy: policy).drift(),
        try await Provisioner(world.asControlPlane, policy: policy).drift()
      )
      #expect(seen.isEmpty && looked.isEmpty, "\(seen) \(looked)")
      #expect(try await Provisioner(world.asOperator, policy: policy).apply().isEmpty)
    }
  }

  @Test("finds what was changed, and mends it") func drift() async throws {
    try await VaultWorld.with { world in
      var changed = HCLObject()
      _ = changed.add(.string("path \"secret/*\" { capabilities = [\"read\"] }"), for: "policy")
      var role = HCLObject()
      for (key, value) in try #require(policy.requests.first { $0.path == "auth/jwt/role/agent" }).data.entries {
        _ = role.add(key == "token_ttl" ? .string("2h") : key == "token_max_ttl" ? .string("2h") : value, for: key)
      }
      let harm = [
        ProvisioningRequest(name: "harm/policy", path: "sys/policies/acl/lobstack-agent", data: changed),
        ProvisioningRequest(name: "harm/role", path: "auth/jwt/role/agent", data: role),
      ]
      for request in harm { try await world.asOperator.write(request) }
      let paths = ["sys/policies/acl/lobstack-agent", "auth/jwt/role/agent"]
      #expect(try await Provisioner(world.asControlPlane, policy: policy).drift().map(\.request.path) == paths)
      #expect(try await Provisioner(world.asOperator, policy: policy).apply().map(\.request.path) == paths)
      #expect(try await Provisioner(world.asControlPlane, policy: policy).drift().isEmpty)
    }
  }

  @Test("is only the operator's: the control plane cannot give itself more") func rights() async throws {
    try await VaultWorld.with { world in
      for request in policy.requests where request.path.hasPrefix("sys/policies/") || request.path.contains("/role/") {
        await #expect("\(request.path)") { try await world.asControlPlane.write(request) } throws: {
          ($0 as? Fault)?.code == .denied
        }
      }
    }
  }

  @Test("leaves no way to more rights by an entity that has them") func entities() async throws {
    try await VaultWorld.with { world in
      let path = "identity/entity/name/lobstack-agent-acme.greedy"
      let own = VaultProbe(.write, path, body: ["name": "lobstack-agent-acme.greedy"])
      let allowed = try await world.asControlPlane.status(of: own)
      #expect(allowed < 300)
      for policies in ["lobstack-operator", "root", ""] {
        let probe = VaultProbe(.write, path, body: ["policies": policies])
        let status = try await world.asControlPlane.status(of: probe)
        #expect(status == 403, "\(policies)")
      }
    }
  }

  @Test("reads a file that says something else with its line") func badFiles() throws {
    let directory = "/tmp/lobstack-policy-\(UInt32.random(in: .min ... .max))"
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try FileManager.default.copyItem(atPath: VaultWorld.policyDirectory, toPath: directory)
    let file = "\(directory)/provision.hcl"
    for (text, line) in [
      ("initialize \"x\" {\n  request \"y\" {\n    operation = \"delete\"\n  }\n}", 2), ("listener \"tcp\" {\n}", 1),
      ("initialize \"x\" {\n  request \"y\" {\n    operation = \"update\"\n    path = \"a\"\n  }\n}", 2),
      ("initialize \"x\" {", 1),
    ] {
      try text.write(toFile: file, atomically: true, encoding: .utf8)
      #expect("\(text)") { try VaultPolicy.load(directory: directory, trustDomain: .default) } throws: {
        ($0 as? Fault)?.operation.contains("\(file):\(line)") == true
          || ($0 as? Fault)?.reason.contains("\(file):") == true
      }
    }
    try FileManager.default.removeItem(atPath: file)
    #expect(throws: Fault.self) { try VaultPolicy.load(directory: directory, trustDomain: .default) }
  }

  @Test("names the trust domain in force") func trustDomain() throws {
    let domain = try #require(TrustDomain("agents.example"))
    let text = try VaultPolicy.load(directory: VaultWorld.policyDirectory, trustDomain: domain).requests.map(\.text)
    #expect(text.contains { $0.contains("spiffe://agents.example/ns/*/agent/*") })
    #expect(!text.contains { $0.contains("spiffe://lobstack.local") })
  }
}

@Suite("A server that is sealed", .serialized) struct SealTests {
  @Test("says so, is opened by its shares and by no others") func shares() async throws {
    try await VaultWorld.start(sealsItself: false) { world in
      #expect(try await !world.client.health().isInitialized)
      let shares = try await world.client.initialize(shares: 5, threshold: 3)
      #expect(shares.shares.count == 5)
      var text = "\(shares)"
      dump(shares, to: &text)
      #expect(!shares.shares.contains { text.contains($0) })
      #expect(try await world.client.health().isSealed)
      let client = VaultClient(address: world.client.address, patience: .zero)
      await #expect("sealed") {
        _ = try await KeyValue(Vault(client, token: shares.rootToken)).read("lobstack/x/y")
      } throws: {
        ($0 as? Fault)?.code == .unavailable
      }
      await #expect(throws: Fault.self) { try await client.unseal(share: "no share") }
      var wrong = Array(Data(base64Encoded: shares.shares[0]) ?? Data())
      wrong[0] ^= 1
      try await client.unseal(share: Data(wrong).base64EncodedString())
      try await client.unseal(share: shares.shares[1])
      await #expect(throws: Fault.self) { try await client.unseal(share: shares.shares[2]) }
      #expect(try await client.sealStatus().isSealed)
      for share in shares.shares.prefix(3) { try await client.unseal(share: share) }
      #expect(try await !client.sealStatus().isSealed)
      try await client.shutdown()
    }
  }

  @Test("or not there is told at once, or after the client's patience") func unreachable() async throws {
    let client = VaultClient(address: VaultAddress(socket: "/tmp/lobstack-no-such.sock"), patience: .milliseconds(300))
    let begin = ContinuousClock.now
    await #expect { _ = try await client.health() } throws: { ($0 as? Fault)?.code == .unavailable }
    #expect(ContinuousClock.now - begin < .seconds(5))
    try await client.shutdown()
    for url in ["http://127.0.0.1:8200", "127.0.0.1", "https://", "https://a/b", "unix://x", "", "https://a?b"] {
      #expect(throws: Fault.self) { try VaultAddress(urls: url) }
    }
    #expect(
      try VaultAddress(urls: "https://a:8200/,unix:///run/x.sock").nodes == [
        .https("https://a:8200"), .unix("/run/x.sock"),
      ])
  }
}
