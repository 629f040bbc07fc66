import AgentModel
import Faults
import Foundation
import HCL

/// What `policy/vault/` says: the policies of tokens, and what is provisioned.
package struct VaultPolicy: Hashable, Sendable {
  package let requests: [ProvisioningRequest]

  /// The policy with more that has to be so.
  package func adding(_ more: ProvisioningRequest) -> VaultPolicy { VaultPolicy(requests: requests + [more]) }

  /// What the files say instead of the trust domain in force.
  private static let writtenDomain = "spiffe://\(TrustDomain.default)/"

  /// Reads `policies/*.hcl` and `provision.hcl`.
  ///
  /// - Parameter directory: `policy/vault`.
  /// - Throws: `Fault(.invalid)` naming file and line.
  package static func load(directory: String, trustDomain: TrustDomain) throws -> VaultPolicy {
    let folder = "\(directory)/policies"
    let names: [String]
    do { names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted() } catch {
      throw Fault(
        .invalid, operation: "read \(folder)", reason: "the directory cannot be read",
        remedy: "restore the policy directory", cause: error)
    }
    var requests: [ProvisioningRequest] = []
    for name in names where name.hasSuffix(".hcl") {
      let text = try read("\(folder)/\(name)")
      // Vault's policies are HCL as well; what is wrong with one shows here, with its line.
      _ = try HCLDocument(parsing: text, file: "\(folder)/\(name)")
      var data = HCLObject()
      _ = data.add(.string(text), for: "policy")
      let policy = name.dropLast(".hcl".count)
      requests.append(ProvisioningRequest(name: "policies/\(policy)", path: "sys/policies/acl/\(policy)", data: data))
    }
    let file = "\(directory)/provision.hcl"
    let text = try read(file).replacing(writtenDomain, with: "spiffe://\(trustDomain)/")
    return VaultPolicy(requests: requests + (try ProvisioningRequest.parse(text, file: file)))
  }

  private static func read(_ path: String) throws -> String {
    do { return try String(contentsOfFile: path, encoding: .utf8) } catch {
      throw Fault(
        .invalid, operation: "read \(path)", reason: "the file cannot be read", remedy: "restore the policy directory",
        cause: error)
    }
  }
}
