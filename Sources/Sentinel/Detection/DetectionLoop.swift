import APIModel
import AgentModel
import Deadlines
import Detection
import Foundation
import Glibc
import GuestTrace
import Logging
import NodeProtocol

/// What the detection thread does, turn by turn: wait, read, match, tell. Never anything that could wait for others.
final class DetectionLoop {
  private static let waitMilliseconds: Int32 = 500
  /// Messages of one sandbox in a turn, so that none keeps the others waiting.
  private static let messagesPerTurn = 256
  private static let tellInterval: Int64 = 2_000_000_000
  private static let countInterval: Int64 = 1_000_000_000

  let socket: TraceSocket
  private let wake: Int32
  let author: AlertAuthor
  let naming: TraceNaming
  private let alerts: AlertQueue
  let logger: Logger
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: TraceMessage.longest + 1, alignment: 8)
  private let reader: GuestEventReader
  private var matcher: Matcher?

  var sandboxes: [String: WatchedSandbox] = [:]
  var connections: [Int32: TraceConnection] = [:]
  var places: [String: Int32] = [:]
  /// Of a cluster, by uid.
  var pods: [String: WatchedPod] = [:]
  /// The Pods of containers.
  var owners: [String: String] = [:]
  /// Alerts that wait until it is known whose sandbox they are about, by its container.
  var strangers: [String: [AlertResource]] = [:]
  var isChanged = false
  var connectionCount: UInt64 = 0
  private var gate = AlertGate()
  private(set) var orders = ResponseOrders()
  private var link: AsyncStream<SentinelMessage>.Continuation?
  /// Of what the node wants watched.
  private var revision: UInt64 = 0
  /// Whether this node said it; another one counts from the beginning.
  private var hasHeard = false
  private var ruleCount = 0
  private var toldTime: Int64 = 0
  private var countTime: Int64 = 0
  private var raised: [AlertResource] = []

  /// Whether events can be matched.
  var hasRules: Bool { matcher != nil }

  init(
    socket: TraceSocket, wake: Int32, author: AlertAuthor, naming: TraceNaming, alerts: AlertQueue, logger: Logger
  ) {
    self.socket = socket
    self.wake = wake
    self.author = author
    self.naming = naming
    self.alerts = alerts
    self.logger = logger
    reader = GuestEventReader(hostName: author.hostName)
  }

  deinit { buffer.deallocate() }

  /// - Parameter news: takes what the thread was told.
  func turn(_ news: () -> [DetectionServer.News]) {
    var waits = [
      pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
      pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    for connection in connections.values where !connection.isGreeted && !connection.isOver {
      waits.append(pollfd(fd: connection.descriptor, events: Int16(POLLIN), revents: 0))
    }
    if poll(&waits, nfds_t(waits.count), Self.waitMilliseconds) < 0, errno != EINTR {
      // Not to be expected of open descriptors; slow down instead of burning a processor.
      usleep(100_000)
    }
    let now = nanoseconds(of: CLOCK_MONOTONIC)
    if waits[0].revents != 0 {
      var count: UInt64 = 0
      _ = read(wake, &count, MemoryLayout<UInt64>.size)
    }
    for piece in news() { take(piece, now) }
    for wait in waits.dropFirst(2) where wait.revents != 0 { serve(wait.fd, now) }
    if waits[1].revents != 0 { accept(now) }
    dropLate(now)
    tell(now)
  }

  func end() {
    link?.finish()
    for connection in connections.values { close(connection.descriptor) }
    connections = [:]
  }

  // MARK: News

  private func take(_ piece: DetectionServer.News, _ now: Int64) {
    switch piece {
    case .rules(let rules):
      reader.bind(to: rules)
      matcher = Matcher(rules, source: reader)
      ruleCount = rules.rules.count { $0.isEnabled }
      isChanged = true
      answerWaiting(now)
    case .pods(let told): take(told, now)
    case .link(let continuation):
      link?.finish()
      link = continuation
      hasHeard = false
      isChanged = true
      for order in orders.unanswered { continuation.yield(.order(order)) }
    case .node(.sandboxes(let watched, let revision)):
      // Each message says all. Those of agents that start at the same time may overtake one another, and the older one
      // does not know the last agent.
      guard !hasHeard || revision > self.revision else { return }
      (self.revision, hasHeard) = (revision, true)
      isChanged = true
      let gone = Set(sandboxes.keys).subtracting(watched.map(\.container))
      for container in gone { forget(container) }
      sandboxes = Dictionary(watched.map { ($0.container, $0) }) { first, _ in first }
      answerWaiting(now)
    case .node(.command(let command)): takeCommand(command, now)
    case .node(.answer(let answer)):
      for alert in orders.take(answer, now: now) {
        gate.answered(alert)
        raised.append(alert)
      }
    case .finding(let finding, nil): raise(finding, in: nil, now)
    case .finding(let finding, let place?): if let sandbox = sandbox(at: place) { raise(finding, in: sandbox, now) }
    }
  }

  private func sandbox(at place: DetectionServer.Place) -> WatchedSandbox? {
    switch place {
    case .container(let container): sandboxes[container]
    case .address(let address): sandboxes.values.first { $0.address == address }
    case .interface(let interface): sandboxes.values.first { $0.interface == interface }
    }
  }

  private func takeCommand(_ command: OperatorCommand, _ now: Int64) {
    guard let descriptor = places[command.container], case .attached(let events)? = connections[descriptor]?.state
    else { return }
    let time = UInt64(max(0, command.time.timeIntervalSince1970 * 1e9))
    if reader.takeCommand(command.command, time: time, in: events) == .event { match(command.container, now) }
  }

  func forget(_ container: String) {
    for alert in gate.counted() { raised.append(alert) }
    gate.forget(container)
    sandboxes[container] = nil
    beginOrders(of: container)
    if let descriptor = places[container] { drop(descriptor) }
  }

  // MARK: Events

  private func serve(_ descriptor: Int32, _ now: Int64) {
    guard let connection = connections[descriptor] else { return }
    switch connection.state {
    case .accepted, .greeted: greet(descriptor)
    case .held(let held): receive(descriptor, held, now)
    case .attached(let events):
      let container = connection.peer.container
      let (isOver, messages) = receive(descriptor) { take($0, events, container, now) }
      connections[descriptor]?.messages += messages
      if messages > 0 { check(descriptor, events, now) }
      if isOver { drop(descriptor) }
    }
  }

  /// Hands on the messages that are there, as many as a turn has.
  func receive(_ descriptor: Int32, _ take: (UnsafeRawBufferPointer) -> Void) -> (isOver: Bool, messages: UInt64) {
    var messages: UInt64 = 0
    for _ in 0..<Self.messagesPerTurn {
      // The true length, also of one that has no room.
      let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT) | Int32(MSG_TRUNC))
      if count < 0, errno == EINTR { continue }
      if count < 0, errno == EAGAIN { break }
      guard count > 0 else { return (true, messages) }
      messages += 1
      take(UnsafeRawBufferPointer(rebasing: buffer[..<min(count, buffer.count)]))
    }
    return (false, messages)
  }

  func take(_ message: UnsafeRawBufferPointer, _ events: SandboxEvents, _ container: String, _ now: Int64) {
    if naming != .command, let started = TraceMessage.startedContainer(message),
      !begins(started, in: events, of: container)
    {
      return raise(.foreign, in: sandboxes[container], container: container, now)
    }
    switch reader.take(message, from: events) {
    case .event: match(container, now)
    case .nothing, .malformed: break
    case .foreign: raise(.foreign, in: sandboxes[container], container: container, now)
    }
  }

  private func match(_ container: String, _ now: Int64) {
    guard let matcher, matcher.match() else { return }
    let sandbox = sandboxes[container]
    for index in matcher.matches {
      let rule = matcher.rules.rules[index]
      let key = AlertGate.Key(container: container, rule: rule.name)
      // A response is not put off by what was told before.
      let isAnswered = sandbox.map { orders.wants(rule, of: $0, now: now) } ?? false
      guard isAnswered || gate.admits(key, now: now) else { continue }
      raise(
        author.alert(
          rule, output: matcher.output(of: index), time: reader.eventTime, in: sandbox, container: container), key)
    }
  }

  /// Tells of what gVisor could not tell, and of what it told wrongly.
  func check(_ descriptor: Int32, _ events: SandboxEvents, _ now: Int64) {
    guard var connection = connections[descriptor] else { return }
    defer { connections[descriptor] = connection }
    connection.lastMessage = nanoseconds(of: CLOCK_REALTIME)
    let container = connection.peer.container
    let sandbox = sandboxes[container]
    let lost = UInt64(events.dropped &- connection.toldDropped)
    // A counter that went back is no message of gVisor's.
    if lost > 0, lost < 1 << 31 {
      connection.dropped += lost
      connection.toldDropped = events.dropped
      raise(.dropped(lost, altogether: connection.dropped), in: sandbox, container: container, now)
    }
    if events.malformed > connection.toldMalformed {
      raise(.malformed(events.malformed - connection.toldMalformed), in: sandbox, container: container, now)
      connection.toldMalformed = events.malformed
    }
    if events.hasOverflowed, !connection.toldOverflow {
      connection.toldOverflow = true
      raise(.overflow, in: sandbox, container: container, now)
    }
  }

  // MARK: Alerts

  /// - Parameter container: of a sandbox of which nobody says whose it is.
  func raise(_ finding: SightFinding, in sandbox: WatchedSandbox?, container: String? = nil, _ now: Int64) {
    let key = AlertGate.Key(container: sandbox?.container ?? container ?? AlertAuthor.host, rule: finding.rule)
    guard gate.admits(key, now: now) else { return }
    raise(author.alert(finding, in: sandbox, container: container), key)
  }

  /// Tells an alert anew, now that it is known about whom it is.
  func raiseAgain(_ alert: AlertResource, in sandbox: WatchedSandbox) {
    raise(author.alert(alert, in: sandbox), AlertGate.Key(container: sandbox.container, rule: alert.rule))
  }

  private static let mostOfStranger = 100

  private func raise(_ alert: AlertResource, _ key: AlertGate.Key) {
    let (told, order) = orders.take(alert, now: nanoseconds(of: CLOCK_MONOTONIC))
    if let order { link?.yield(.order(order)) }
    if let counted = gate.told(told, key) { raised.append(counted) }
    raised.append(told)
    if let descriptor = places[told.container], connections[descriptor]?.isStranger == true,
      strangers[told.container, default: []].count < Self.mostOfStranger
    {
      strangers[told.container, default: []].append(told)
    }
  }

  /// A sandbox that begins anew has had no response.
  func beginOrders(of container: String) { raised += orders.forget(container) }

  private func tell(_ now: Int64) {
    if now - countTime >= Self.countInterval {
      countTime = now
      raised += gate.counted()
      for (container, count) in alerts.takeUntold() { raise(.alertsUntold(count), in: sandboxes[container], now) }
    }
    if !raised.isEmpty {
      alerts.add(raised)
      raised.removeAll(keepingCapacity: true)
    }
    guard isChanged || now - toldTime >= Self.tellInterval else { return }
    isChanged = false
    toldTime = now
    link?.yield(.sessions(sessions, knowing: revision, rules: ruleCount))
  }
}
