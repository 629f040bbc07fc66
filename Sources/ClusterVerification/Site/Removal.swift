import Faults
import Foundation
import KubernetesAPI

/// Takes away what runs made.
struct Removal: Sendable {
  let client: KubernetesClient
  /// The namespace of the control plane, whose enforcers a run may have stopped.
  let controlPlane: String
  /// Agents go when the operator has let go of them, namespaces when they are empty.
  static let usualPatience = Duration.seconds(60)
  var patience = usualPatience

  /// What runs left that are over.
  ///
  /// - Returns: what is left of other runs, or could not be taken away.
  func removeLeftOvers(at now: Date = .now) async throws -> [String] {
    var told = await restore(RunMark.label) { RunMark.isLeftOver($0, at: now) }
    for (type, objects) in try await marked(RunMark.label) {
      for object in objects {
        guard RunMark.isLeftOver(object, at: now) else {
          if object.isBeingDeleted { continue }
          told.append(
            "\(Self.name(object)) is of run \(object.labels[RunMark.label] ?? ""), which may be under way until "
              + (object.annotations[RunMark.expiry] ?? ""))
          continue
        }
        if object.isBeingDeleted { told.append("\(Self.name(object)) is being deleted, and not gone yet") }
        if let failure = await remove(object, type) { told.append(failure) }
      }
    }
    return told
  }

  /// What a run made; it is looked for until there is none of it, because what a cancelled request asked for may come late.
  ///
  /// - Returns: What could not be taken away.
  func remove(of run: String) async -> [String] {
    let deadline = ContinuousClock.now + patience
    do {
      while true {
        var left = await restore("\(RunMark.label)=\(run)")
        for (type, objects) in try await marked("\(RunMark.label)=\(run)") {
          for object in objects {
            left.append(await remove(object, type) ?? "\(Self.name(object)) is being deleted, and not gone yet")
          }
        }
        if left.isEmpty || ContinuousClock.now >= deadline { return left }
        try await Task.sleep(for: .seconds(1))
      }
    } catch {
      return ["what run \(run) made: \(error)"]
    }
  }

  /// Agents before the namespaces, whose end takes all else with it.
  private func marked(_ selector: String) async throws -> [(ResourceType, [KubernetesObject])] {
    var agents: [KubernetesObject] = []
    do { agents = try await client.list(.agents, Selection(labels: selector)).objects } catch let fault as Fault
      where fault.code == .unsupported
    {
      // Without its definition there is no Agent either.
    }
    let namespaces = try await client.list(.namespaces, Selection(labels: selector)).objects
    let bindings = try await client.list(.roleBindings, Selection(labels: selector)).objects
    // A label is soon set on something else; only what has the names of a run's own is taken away, too.
    return [
      (.agents, agents.filter { $0.name.hasPrefix(RunMark.agents) }),
      (.roleBindings, bindings.filter { $0.name.hasPrefix(RunMark.agents) }),
      (.namespaces, namespaces.filter { $0.name.hasPrefix(RunMark.namespaces) }),
    ]
  }

  private func remove(_ object: KubernetesObject, _ type: ResourceType) async -> String? {
    if object.isBeingDeleted { return nil }
    do {
      // This very object: the name may be another's by now.
      try await client.delete(type, object.name, namespace: object.namespace, Deletion(uid: object.uid))
      return nil
    } catch let fault as Fault where fault.code == .notFound {
      return nil
    } catch {
      return "\(Self.name(object)): \(error)"
    }
  }

  private static func name(_ object: KubernetesObject) -> String {
    "\(object.kind) \([object.namespace, object.name].compactMap { $0 }.joined(separator: "/"))"
  }
}
