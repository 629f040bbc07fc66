import APIClient
import Faults
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Verification

/// A program of the platform that speaks TLS, as it is reached from here: by a port of one of its Pods, past policies and
/// mesh, as the node reaches it.
struct PlatformDoor: Sendable {
  let site: ClusterSite
  /// As its Pods' label `app.kubernetes.io/name` says, and its Service.
  let program: String

  /// What is there while it is reached.
  struct Way: Sendable {
    /// Of 127.0.0.1.
    let port: UInt16
    let pod: KubernetesObject
    /// What vouches for it, PEM.
    let roots: String
    /// Of its certificate.
    let name: String

    /// A client of the HTTP API, which lives as long as `body` runs.
    func client<Value: Sendable>(
      token: String?, _ body: (APIClient) async throws -> Value
    ) async throws -> Value {
      let client = APIClient(address: .gateway("https://\(name):\(port)", roots: roots), token: token, at: "127.0.0.1")
      let result: Result<Value, any Error>
      do { result = .success(try await body(client)) } catch { result = .failure(error) }
      try? await client.shutdown()  // what came of `body` is to be told
      return try result.get()
    }
  }

  private static let ports: Set = ["https", "ingress"]
  private static let plainPorts: Set = ["metrics", "probes"]

  private var namespace: String { site.values.namespaces.controlPlane }

  /// - Throws: `NotTestable` where no Pod of it runs, or nobody vouches for it; what `body` throws.
  func open<Value: Sendable>(_ body: @escaping @Sendable (Way) async throws -> Value) async throws -> Value {
    let pod = try await pod()
    let roots = try await secret()["ca.crt"] ?? ""
    guard !roots.isEmpty else { throw NotTestable("the Secret \(namespace)/\(program)-tls names no authority") }
    guard let port = Self.port(Self.ports, of: pod) else {
      throw NotTestable("the Pod \(pod.name) has no port for TLS")
    }
    let name = "\(program).\(namespace).svc"
    return try await site.client.withPort(port, ofPod: pod.name, namespace: namespace) { local in
      try await body(Way(port: local, pod: pod, roots: roots, name: name))
    }
  }

  /// The port by which the kubelet asks how it is, without TLS.
  func openPlainly<Value: Sendable>(_ body: @escaping @Sendable (UInt16) async throws -> Value) async throws -> Value {
    let pod = try await pod()
    guard let port = Self.port(Self.plainPorts, of: pod) else {
      throw NotTestable("the Pod \(pod.name) has no port without TLS")
    }
    return try await site.client.withPort(port, ofPod: pod.name, namespace: namespace, body: body)
  }

  /// What its certificate is kept in, `tls.crt` and `ca.crt`, as text.
  func secret() async throws -> [String: String] {
    let secret = try await site.client.find(.secrets, "\(program)-tls", namespace: namespace)
    guard let data = secret?["data"] else { throw NotTestable("there is no Secret \(namespace)/\(program)-tls") }
    func text(_ key: String) -> String? {
      data[key]?.string.flatMap { Data(base64Encoded: $0) }.map { String(decoding: $0, as: UTF8.self) }
    }
    return ["tls.crt": text("tls.crt") ?? "", "ca.crt": text("ca.crt") ?? ""]
  }

  private func pod() async throws -> KubernetesObject {
    let pods = try await site.client.list(
      .pods, namespace: namespace, Selection(labels: "app.kubernetes.io/name=\(program)")
    ).objects
    guard let pod = pods.first(where: { !$0.isBeingDeleted && $0["status", "phase"]?.string == "Running" }) else {
      throw NotTestable("no Pod of \(namespace)/\(program) runs")
    }
    return pod
  }

  private static func port(_ names: Set<String>, of pod: KubernetesObject) -> UInt16? {
    let ports = (pod["spec", "containers"]?.array ?? []).flatMap { $0["ports"]?.array ?? [] }
    return ports.first { names.contains($0["name"]?.string ?? "") }?["containerPort"]?.int.flatMap(UInt16.init)
  }
}

extension KubernetesClient {
  /// `nil` for what is not there.
  func find(_ type: ResourceType, _ name: String, namespace: String? = nil) async throws -> KubernetesObject? {
    do { return try await get(type, name, namespace: namespace) } catch let fault as Fault where fault.code == .notFound
    {
      return nil
    }
  }
}
