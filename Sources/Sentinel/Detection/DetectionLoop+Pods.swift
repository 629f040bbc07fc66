import APIModel
import AgentModel
import Deadlines
import Foundation
import Glibc
import GuestTrace
import Logging
import NodeProtocol

/// Sandboxes of a cluster's node, of which the connection says no name.
///
/// A connection is one sandbox's from its beginning to its end, and whatever a guest makes of its messages: it can be
/// another's at no time after the agent's first program began.
extension DetectionLoop {
  /// Of a sandbox whose second container does not start, since its image is still pulled.
  private static let patienceFactor: Int64 = 40

  /// Answers at once: the agent's container starts, and only then is it told whose it is.
  func hold(_ connection: TraceConnection, patience: Int64, _ now: Int64) {
    guard connection.answerGreeting() else { return drop(connection.descriptor) }
    connections[connection.descriptor]?.state = .held(HeldTrace())
    connections[connection.descriptor]?.deadline = now + patience * Self.patienceFactor
  }

  func receive(_ descriptor: Int32, _ held: HeldTrace, _ now: Int64) {
    guard case .containers(let patience) = naming else { return }
    let starts = held.starts.count
    var isWhole = true
    let (isOver, messages) = receive(descriptor) { isWhole = held.take($0) && isWhole }
    guard isWhole else {
      logger.error("A trace that does not begin with a sandbox is refused: its Pod has to be replaced")
      return drop(descriptor)
    }
    connections[descriptor]?.messages += messages
    if isOver { connections[descriptor]?.isOver = true }
    if held.starts.count > starts, held.starts.count == HeldTrace.mostStarts {
      connections[descriptor]?.deadline = now + patience
    }
    identify(descriptor, now)
    if held.isFull, case .held? = connections[descriptor]?.state { attachStranger(descriptor, held, now) }
  }

  func take(_ told: [WatchedPod], _ now: Int64) {
    pods = Dictionary(told.map { ($0.uid, $0) }) { first, _ in first }
    owners = [:]
    for pod in told { for container in pod.containers { owners[container] = pod.uid } }
    for pod in told { sandboxes[pod.uid] = pod.sandbox }
    for (uid, descriptor) in places { exemptPlatformContainers(descriptor, of: uid) }
    isChanged = true
    // A sandbox may live on for a while without its Pod, and is watched to its end.
    for uid in Array(sandboxes.keys) where places[uid] == nil { forgetWithoutPod(uid) }
    for descriptor in Array(connections.keys) { identify(descriptor, now) }
  }

  /// Forgets a sandbox that is gone with its Pod; what is done about it is told before.
  func forgetWithoutPod(_ uid: String) {
    if naming != .command, pods[uid] == nil, !orders.isPending(uid) { forget(uid) }
  }

  /// Finds out whose sandbox it is, if that is not known.
  func identify(_ descriptor: Int32, _ now: Int64) {
    guard let connection = connections[descriptor] else { return }
    switch connection.state {
    case .held(let held):
      guard let uid = held.starts.lazy.compactMap({ self.owners[$0] }).first, let sandbox = sandboxes[uid] else {
        return
      }
      connections[descriptor]?.peer.container = uid
      connections[descriptor]?.starts = held.starts
      guard let named = connections[descriptor] else { return }
      attach(named, sandbox)
      exemptPlatformContainers(descriptor, of: uid)
      replay(held, descriptor, now)
    case .attached(let events):
      guard connection.isStranger, let uid = connection.starts.lazy.compactMap({ self.owners[$0] }).first,
        let sandbox = sandboxes[uid]
      else { return }
      let former = connection.peer.container
      places[former] = nil
      if let other = places[uid], other != descriptor { drop(other) }
      places[uid] = descriptor
      connections[descriptor]?.peer.container = uid
      connections[descriptor]?.isStranger = false
      events.become(identity(of: sandbox, container: events.identity.container))
      exemptPlatformContainers(descriptor, of: uid)
      isChanged = true
      logger.info("A sandbox's Pod is known", metadata: ["sandbox.id": "\(former)", "agent.id": "\(sandbox.agent)"])
      // What was found before is answered now.
      for alert in strangers.removeValue(forKey: former) ?? [] { raiseAgain(alert, in: sandbox) }
    case .accepted, .greeted: break
    }
  }

  /// What holds the Pod back asks the API server whether it still answers; an agent that does that is an alert.
  private func exemptPlatformContainers(_ descriptor: Int32, of uid: String) {
    guard let pod = pods[uid], case .attached(let events)? = connections[descriptor]?.state else { return }
    events.setPlatformContainers(pod.platformContainers)
  }

  /// Watches a sandbox of which nobody says whose it is: its alerts name the container alone, and are answered once it
  /// is known.
  func attachStranger(_ descriptor: Int32, _ held: HeldTrace, _ now: Int64) {
    // Without a start there is nothing to watch, and nothing was told.
    guard let container = held.starts.first else { return drop(descriptor) }
    connections[descriptor]?.peer.container = container
    connections[descriptor]?.starts = held.starts
    connections[descriptor]?.isStranger = true
    if let other = places[container] { drop(other) }
    places[container] = descriptor
    connections[descriptor]?.state = .attached(SandboxEvents(identity(of: nil, container: container)))
    isChanged = true
    logger.error("Nobody says whose a sandbox is", metadata: ["sandbox.id": "\(container)"])
    raise(.nobodys(held.starts), in: nil, container: container, now)
    replay(held, descriptor, now)
  }

  private func replay(_ held: HeldTrace, _ descriptor: Int32, _ now: Int64) {
    guard let connection = connections[descriptor], case .attached(let events) = connection.state else { return }
    for message in held.messages {
      message.withUnsafeBytes { take($0, events, connection.peer.container, now) }
    }
    if !held.messages.isEmpty { check(descriptor, events, now) }
    if connection.isOver { drop(descriptor) }
  }

  /// Takes note of a container that starts in a sandbox that is watched.
  ///
  /// - Returns: whether it can be one of it, as far as is known.
  func begins(_ container: String, in events: SandboxEvents, of key: String) -> Bool {
    if let owner = owners[container], owner != key { return false }
    // The agent's own container may start long after that of the namespaces.
    if let descriptor = places[key], let connection = connections[descriptor], connection.isStranger,
      connection.starts.count < HeldTrace.mostStarts, !connection.starts.contains(container)
    {
      connections[descriptor]?.starts.append(container)
    }
    events.become(identity(of: sandboxes[key], container: container))
    return true
  }

  func identity(of sandbox: WatchedSandbox?, container: String) -> SandboxIdentity {
    let start = UInt64(max(0, nanoseconds(of: CLOCK_REALTIME)))
    guard let sandbox else {
      return SandboxIdentity(
        container: container, agent: "", tenant: "", uid: "", tier: "", image: "", start: start)
    }
    return SandboxIdentity(
      container: container, agent: sandbox.agent.name.description, tenant: sandbox.agent.tenant.description,
      uid: pods[sandbox.container]?.uid ?? sandbox.uid.description,
      namespace: pods[sandbox.container]?.namespace, tier: sandbox.tier, image: sandbox.image, start: start)
  }
}
