import Crypto
import Foundation
import JSONValues
import KubernetesAPI
import TestSupport

/// A service account of a cluster that has no controllers, and tokens of it as the API server would issue them.
struct ClusterIdentity {
  private static let accounts = ResourceType(plural: "serviceaccounts")

  let namespace: String
  let name: String
  private let uid: String
  private let key: P256.Signing.PrivateKey

  /// Makes the account, or takes the one that is there.
  init(_ name: String, in namespace: String, on server: KubernetesServer, by client: KubernetesClient) async throws {
    var account = KubernetesObject(fields: ["apiVersion": "v1", "kind": "ServiceAccount"])
    account.name = name
    account.namespace = namespace
    uid = try await client.apply(account, of: Self.accounts).uid ?? ""
    key = try P256.Signing.PrivateKey(
      pemRepresentation: String(contentsOfFile: "\(server.directory)/server.key", encoding: .utf8))
    self.name = name
    self.namespace = namespace
  }

  /// - Parameters:
  ///   - audience: whom the token is for.
  ///   - life: seconds from now; fewer than none for one that is over.
  ///   - pod: which the kubelet had it made for; the API server looks whether that is there.
  func token(for audience: String = "lobstack", life: Int = 600, pod: PlacedPod? = nil) throws -> String {
    let now = Int(Date.now.timeIntervalSince1970)
    var place: [String: JSON] = [
      "namespace": .string(namespace), "serviceaccount": ["name": .string(name), "uid": .string(uid)],
    ]
    if let pod {
      place["pod"] = ["name": .string(pod.name), "uid": .string(pod.uid)]
      place["node"] = ["name": .string(pod.node), "uid": .string(pod.node)]
    }
    let claims: JSON = [
      "iss": "https://kubernetes.default.svc", "aud": [.string(audience)],
      "sub": .string("system:serviceaccount:\(namespace):\(name)"), "iat": .int(now - 7200), "nbf": .int(now - 7200),
      "exp": .int(now + life),
      "kubernetes.io": .object(place),
    ]
    let text = "\(Self.base64URL(#"{"alg":"ES256"}"#.utf8)).\(Self.base64URL(claims.bytes))"
    return "\(text).\(Self.base64URL(try key.signature(for: Data(text.utf8)).rawRepresentation))"
  }

  private static func base64URL(_ bytes: some Sequence<UInt8>) -> String {
    Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }
}
