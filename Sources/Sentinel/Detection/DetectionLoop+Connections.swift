import AgentModel
import Deadlines
import Foundation
import Glibc
import GuestTrace
import Logging
import NodeProtocol

/// Sandboxes that come and go.
extension DetectionLoop {
  private static let connectionsPerTurn = 16

  /// The sandboxes whose events come in.
  var sessions: [TraceSession] {
    places.values.compactMap { descriptor in
      guard let connection = connections[descriptor] else { return nil }
      return TraceSession(
        container: connection.peer.container, connection: connection.number, messages: connection.messages,
        dropped: connection.dropped,
        lastMessage: connection.lastMessage > 0 ? Date(nanoseconds: UInt64(connection.lastMessage)) : nil)
    }.sorted { $0.container < $1.container }
  }

  func accept(_ now: Int64) {
    for _ in 0..<Self.connectionsPerTurn {
      guard let descriptor = socket.accept() else { return }
      let peer = naming == .command ? TracePeer(of: descriptor) : TracePeer(rootAt: descriptor)
      guard let peer else {
        logger.warning("A trace from nobody is refused")
        close(descriptor)
        continue
      }
      connectionCount += 1
      connections[descriptor] = TraceConnection(
        descriptor: descriptor, peer: peer, number: connectionCount, deadline: now + TraceConnection.patience)
    }
  }

  func greet(_ descriptor: Int32) {
    guard let isUnderstood = connections[descriptor]?.readGreeting() else { return }
    guard isUnderstood else {
      logger.error(
        "A trace in another version of the protocol is refused",
        metadata: ["sandbox.id": "\(connections[descriptor]?.peer.container ?? "")"])
      return drop(descriptor)
    }
    connections[descriptor]?.state = .greeted
    answerWaiting(nanoseconds(of: CLOCK_MONOTONIC))
  }

  /// Answers those whose sandbox is known by now: until then runsc waits, and its sandbox with it.
  func answerWaiting(_ now: Int64) {
    guard hasRules else { return }
    for connection in connections.values where connection.isGreeted {
      if case .containers(let patience) = naming {
        hold(connection, patience: patience, now)
        continue
      }
      guard let sandbox = sandboxes[connection.peer.container] else { continue }
      guard connection.answerGreeting() else {
        drop(connection.descriptor)
        continue
      }
      attach(connection, sandbox)
    }
  }

  func attach(_ connection: TraceConnection, _ sandbox: WatchedSandbox) {
    let container = connection.peer.container
    var events: SandboxEvents?
    if let former = places[container] {
      // The session began anew in the same sandbox, whose processes are known.
      if connection.peer.isLate, case .attached(let known)? = connections[former]?.state { events = known }
      drop(former)
    }
    if !connection.peer.isLate { beginOrders(of: container) }
    let known = events ?? SandboxEvents(identity(of: sandbox, container: connection.starts.last ?? container))
    known.beginSession(isLate: connection.peer.isLate)
    var attached = connection
    attached.state = .attached(known)
    attached.toldMalformed = known.malformed
    attached.toldOverflow = known.hasOverflowed
    connections[connection.descriptor] = attached
    places[container] = connection.descriptor
    isChanged = true
    logger.info("A sandbox is watched", metadata: ["sandbox.id": "\(container)", "agent.id": "\(sandbox.agent)"])
    if connection.peer.isLate { raise(.late, in: sandbox, nanoseconds(of: CLOCK_MONOTONIC)) }
  }

  /// Drops those that waited too long: runsc then gives up, and nothing starts.
  func dropLate(_ now: Int64) {
    for connection in connections.values where connection.deadline <= now {
      if case .attached = connection.state { continue }
      if case .held(let held) = connection.state {
        attachStranger(connection.descriptor, held, now)
        continue
      }
      logger.error(
        "A trace is refused: no such sandbox, or no rules",
        metadata: ["sandbox.id": "\(connection.peer.container)", "rules": "\(hasRules)"])
      drop(connection.descriptor)
    }
  }

  func drop(_ descriptor: Int32) {
    guard let connection = connections.removeValue(forKey: descriptor) else { return }
    close(descriptor)
    let container = connection.peer.container
    guard places[container] == descriptor else { return }
    places[container] = nil
    isChanged = true
    if connection.isStranger { strangers[container] = nil }
    forgetWithoutPod(container)
  }
}

extension TraceConnection {
  /// It said all that it has to say until it is answered.
  var isGreeted: Bool {
    if case .greeted = state { true } else { false }
  }
}
