import Faults
import Foundation

extension KubernetesConfiguration {
  /// Where Kubernetes puts what a pod's service account has.
  package static let serviceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount"

  /// That of the pod that this runs in.
  ///
  /// - Throws: `Fault(.notFound)` outside of pods, and in one that has no service account's token.
  package static func inCluster(
    environment: [String: String], directory: String = serviceAccountDirectory
  ) throws -> KubernetesConfiguration {
    let operation = "find the Kubernetes API"
    guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty,
      let port = environment["KUBERNETES_SERVICE_PORT"], !port.isEmpty
    else {
      throw Fault(
        .notFound, operation: operation,
        reason: "there is no kubeconfig, and KUBERNETES_SERVICE_HOST and _PORT do not name a cluster around",
        remedy: "name a kubeconfig by KUBECONFIG or --kubeconfig, or run in a pod")
    }
    let token = "\(directory)/token"
    guard FileManager.default.fileExists(atPath: token) else {
      throw Fault(
        .notFound, operation: operation, reason: "the pod has no token at \(token)",
        remedy: "let its service account's token be mounted (automountServiceAccountToken)")
    }
    let server = try ServerAddress(
      host.contains(":") ? "https://[\(host)]:\(port)" : "https://\(host):\(port)", operation: operation)
    let namespace = try? readFile("\(directory)/namespace", operation: operation)
    return KubernetesConfiguration(
      server: server, authority: .file("\(directory)/ca.crt"),
      namespace: namespace.map { oneLine(String(decoding: $0, as: UTF8.self), longest: 63) } ?? "default",
      credentials: CredentialSource(token: .file(token)), origin: "this pod's service account")
  }
}
