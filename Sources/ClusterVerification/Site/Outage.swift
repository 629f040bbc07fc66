import Faults
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Verification

/// A Deployment of the platform that is without Pods for a while. How many it had stands in an annotation of it, so that
/// whoever takes away what a run left gives it them back.
struct Outage: Sendable {
  let site: ClusterSite
  let deployment: String

  static let replicas = "verify.lobstack.dev/replicas"
  private static let patience = Duration.seconds(60)

  private var namespace: String { site.values.namespaces.controlPlane }

  /// Takes its Pods away.
  ///
  /// - Throws: `NotTestable` where there is no such Deployment, or it has no Pods.
  func begin() async throws {
    let before: KubernetesObject
    do { before = try await site.client.get(.deployments, deployment, namespace: namespace) } catch let fault as Fault
      where fault.code == .notFound
    { throw NotTestable("there is no Deployment \(namespace)/\(deployment)") }
    let count = before["spec", "replicas"]?.int ?? 1
    guard count > 0, (before["status", "readyReplicas"]?.int ?? 0) > 0 else {
      throw NotTestable("the Deployment \(namespace)/\(deployment) has no Pods that are ready")
    }
    guard before.labels[RunMark.label] == nil else {
      throw NotTestable("another run has stopped the Deployment \(namespace)/\(deployment)")
    }
    // This very state of it: nobody else's change is undone, and no other run's number is overwritten.
    var metadata = try mark()
    metadata["resourceVersion"] = before["metadata", "resourceVersion"]
    metadata["annotations"]?[Self.replicas] = .string("\(count)")
    try await site.client.patch(
      .merge(["metadata": metadata, "spec": ["replicas": 0]]), .deployments, deployment, namespace: namespace)
    try await wait("has Pods \(Self.patience) after it was scaled to none") {
      ($0["status", "replicas"]?.int ?? 0) == 0
    }
    // A Pod that ends may answer until it has.
    let pods = Selection(labels: "app.kubernetes.io/name=\(deployment)")
    let deadline = ContinuousClock.now + Self.patience
    while try await !site.client.list(.pods, namespace: namespace, pods).objects.isEmpty, ContinuousClock.now < deadline
    {
      try await Task.sleep(for: .milliseconds(500))
    }
  }

  private func mark() throws -> JSON {
    var object = KubernetesObject(fields: [:])
    object = site.mark.mark(object)
    return [
      "labels": .object(object.labels.mapValues(JSON.string)),
      "annotations": .object(object.annotations.mapValues(JSON.string)),
    ]
  }

  /// Waits for a Pod of it that is ready.
  func recovery() async throws {
    try await wait("has no Pod that is ready \(Self.patience) after it was given them back") {
      ($0["status", "readyReplicas"]?.int ?? 0) > 0
    }
  }

  private func wait(_ failure: String, until isSo: (KubernetesObject) -> Bool) async throws {
    let deadline = ContinuousClock.now + Self.patience
    while true {
      if isSo(try await site.client.get(.deployments, deployment, namespace: namespace)) { return }
      guard ContinuousClock.now < deadline else {
        throw Fault(
          .failed, operation: "wait for Deployment \(namespace)/\(deployment)", reason: "it \(failure)",
          remedy: "look at it: kubectl describe deployment \(deployment) --namespace \(namespace)")
      }
      try await Task.sleep(for: .milliseconds(500))
    }
  }
}

extension Removal {
  /// Gives Deployments that a run, or any that is over, has stopped the number of Pods back that they had.
  ///
  /// - Returns: what could not be given back.
  func restore(_ selector: String, where isOver: (KubernetesObject) -> Bool = { _ in true }) async -> [String] {
    var failures: [String] = []
    do {
      for object in try await client.list(.deployments, Selection(labels: selector)).objects where isOver(object) {
        if let failure = await restore(object) { failures.append(failure) }
      }
    } catch { failures.append("Deployments that were stopped: \(error)") }
    return failures
  }

  private func restore(_ object: KubernetesObject) async -> String? {
    let name = "Deployment \(object.namespace ?? "")/\(object.name)"
    guard let count = object.annotations[Outage.replicas].flatMap({ Int($0) }), (1...1_000).contains(count) else {
      return "\(name) does not say how many Pods it had"
    }
    do {
      try await client.patch(
        .merge([
          "metadata": [
            "labels": [RunMark.label: .null], "annotations": [RunMark.expiry: .null, Outage.replicas: .null],
          ],
          "spec": ["replicas": .int(count)],
        ]), .deployments, object.name, namespace: object.namespace)
      return nil
    } catch { return "\(name), which had \(count) Pods, has none: \(error)" }
  }
}
