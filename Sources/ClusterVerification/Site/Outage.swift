import Faults
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Verification

/// A Deployment or StatefulSet of the platform that is without Pods for a while. How many it had, and who had said so, stands
/// in annotations of it, so that whoever takes away what a run left gives it them back.
struct Outage: Sendable {
  let site: ClusterSite
  let name: String
  var type = ResourceType.deployments

  static let replicas = "verify.lobstack.dev/replicas"
  /// The manager of the field until then, as `FieldOwner` writes it.
  static let owner = "verify.lobstack.dev/replicas-manager"
  /// Longer than an outage is: what is older was left.
  static let longest = Duration.seconds(8 * 60)
  private static let patience = Duration.seconds(60)

  /// What runs stop.
  static let enforcers: [(type: ResourceType, names: Set<String>)] = [
    (.deployments, ["admission", "operator", "name-server"]), (.statefulSets, ["recorder"]),
  ]

  static func kind(_ type: ResourceType) -> String { type == .statefulSets ? "StatefulSet" : "Deployment" }

  /// For people.
  var label: String { "\(Self.kind(type)) \(namespace)/\(name)" }

  private var namespace: String { site.values.namespaces.controlPlane }

  /// Takes its Pods away.
  ///
  /// - Throws: `NotTestable` where there is none, or it has no Pods.
  func begin() async throws {
    let before: KubernetesObject
    do { before = try await site.client.get(type, name, namespace: namespace) } catch let fault as Fault
      where fault.code == .notFound
    { throw NotTestable("there is no \(label)") }
    let count = before["spec", "replicas"]?.int ?? 1
    guard count > 0, (before["status", "readyReplicas"]?.int ?? 0) > 0 else {
      throw NotTestable("the \(label) has no Pods that are ready")
    }
    guard before.labels[RunMark.label] == nil else {
      throw NotTestable("another run has stopped the \(label)")
    }
    // This very state of it: nobody else's change is undone, and no other run's number is overwritten.
    var metadata = try mark()
    metadata["resourceVersion"] = before["metadata", "resourceVersion"]
    metadata["annotations"]?[Self.replicas] = .string("\(count)")
    let managers = try await site.client.fieldManagers(of: type, name, in: namespace).entries
    if let owner = FieldOwner(among: managers) { metadata["annotations"]?[Self.owner] = .string(owner.text) }
    try await site.client.patch(
      .merge(["metadata": metadata, "spec": ["replicas": 0]]), type, name, namespace: namespace)
    try await wait("has Pods \(Self.patience) after it was scaled to none") {
      ($0["status", "replicas"]?.int ?? 0) == 0
    }
    // A Pod that ends may answer until it has.
    let pods = Selection(labels: "app.kubernetes.io/name=\(name)")
    let deadline = ContinuousClock.now + Self.patience
    while try await !site.client.list(.pods, namespace: namespace, pods).objects.isEmpty, ContinuousClock.now < deadline
    {
      try await Task.sleep(for: .milliseconds(500))
    }
  }

  private func mark() throws -> JSON {
    var object = KubernetesObject(fields: [:])
    object = RunMark(id: site.mark.id, at: .now, lasting: Self.longest).mark(object)
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
      if isSo(try await site.client.get(type, name, namespace: namespace)) { return }
      guard ContinuousClock.now < deadline else {
        throw Fault(
          .failed, operation: "wait for \(label)", reason: "it \(failure)",
          remedy: "look at it: kubectl describe \(type.plural) \(name) --namespace \(namespace)")
      }
      try await Task.sleep(for: .milliseconds(500))
    }
  }
}

extension Outage {
  static func isStopped(_ object: KubernetesObject) -> Bool { object["spec", "replicas"]?.int == 0 }

  /// What ends an outage: the Pods that it had, where nobody has given it others meanwhile, and no marks any more.
  ///
  /// - Returns: of this very state alone; `nil` where it does not say how many it had.
  static func restoration(of object: KubernetesObject) -> JSON? {
    var change: JSON = [
      "metadata": [
        "resourceVersion": object["metadata", "resourceVersion"] ?? .null, "labels": [RunMark.label: .null],
        "annotations": [RunMark.expiry: .null, replicas: .null, owner: .null],
      ]
    ]
    guard isStopped(object) else { return change }
    guard let count = object.annotations[replicas].flatMap({ Int($0) }), (1...1_000).contains(count) else { return nil }
    change["spec"] = ["replicas": .int(count)]
    return change
  }
}

extension Removal {
  private static let mostTries = 10

  /// Gives what a run, or any that is over, has stopped the number of Pods back that it had.
  ///
  /// - Returns: what could not be given back, or is still without them.
  func restore(_ selector: String, where isOver: (KubernetesObject) -> Bool = { _ in true }) async -> [String] {
    var failures: [String] = []
    for (type, names) in Outage.enforcers {
      do {
        // A label is soon set on something else: nothing but what runs stop gets another number of Pods.
        for object in try await client.list(type, namespace: controlPlane, Selection(labels: selector)).objects
        where names.contains(object.name) {
          if Outage.isStopped(object), !isOver(object) {
            failures.append(Self.stopped(object, type))
          } else if let failure = await restore(object, type) {
            failures.append(failure)
          }
        }
      } catch { failures.append("\(Outage.kind(type))s that were stopped: \(error)") }
    }
    return failures
  }

  private static func name(_ object: KubernetesObject, _ type: ResourceType) -> String {
    "\(Outage.kind(type)) \(object.namespace ?? "")/\(object.name)"
  }

  private static func stopped(_ object: KubernetesObject, _ type: ResourceType) -> String {
    let count = oneLine(object.annotations[Outage.replicas] ?? "?")
    return
      "\(name(object, type)) is stopped by run \(oneLine(object.labels[RunMark.label] ?? "")), which may be under way "
      + "until \(oneLine(object.annotations[RunMark.expiry] ?? "")); where that was killed, give it back what it had: kubectl "
      + "scale --replicas \(count) --namespace \(object.namespace ?? "") \(type.plural)/\(object.name); the next run, or "
      + "--clean, takes the marks off it then"
  }

  private func restore(_ found: KubernetesObject, _ type: ResourceType) async -> String? {
    let name = Self.name(found, type)
    var object = found
    do {
      // Its status changes just now, and with it its state.
      for _ in 0..<Self.mostTries {
        guard let change = Outage.restoration(of: object) else { return "\(name) does not say how many Pods it had" }
        do {
          try await client.patch(.merge(change), type, object.name, namespace: object.namespace)
          let owner = FieldOwner(text: object.annotations[Outage.owner] ?? "")
          await forget(object, type, Outage.isStopped(object) ? owner : nil)
          return nil
        } catch let fault as Fault where fault.code == .conflict {
          object = try await client.get(type, object.name, namespace: object.namespace)
          // Somebody else was faster.
          guard object.labels[RunMark.label] == found.labels[RunMark.label] else { return nil }
        }
      }
      return "\(name) changes all the time, and has no Pods yet"
    } catch { return "\(name), which was stopped: \(error)" }
  }

  /// Has the fields be managed by whom they were before. Whoever applies the platform's documents would be told of a conflict
  /// with a program that has ended.
  private func forget(_ object: KubernetesObject, _ type: ResourceType, _ owner: FieldOwner?) async {
    // Where it cannot be done the number of Pods is right all the same.
    for _ in 0..<Self.mostTries {
      do {
        let (entries, state) = try await client.fieldManagers(of: type, object.name, in: object.namespace ?? "")
        let kept = FieldOwner.entries(entries, without: client.fieldManager, replicasOf: owner)
        try await client.patch(
          .merge(["metadata": ["resourceVersion": .string(state), "managedFields": .array(kept)]]), type, object.name,
          namespace: object.namespace)
        return
      } catch let fault as Fault where fault.code == .conflict {
        continue
      } catch { return }
    }
  }
}
