import AgentModel
import Deadlines
import Glibc
import NameResolution
import Synchronization

/// What the resolver's thread does, turn by turn: wait, read, answer.
struct ResolverLoop {
  /// How long a turn waits for queries, so how late the thread sees that it shall stop, or that names changed.
  private static let waitMilliseconds: Int32 = 200
  /// Datagrams of a turn, so that a flood over UDP does not keep TCP waiting; likewise for new connections.
  private static let datagramsPerTurn = 64
  private static let connectionsPerTurn = 16

  private let sockets: ResolverSockets
  private let limits: ResolverServer.Limits
  private var names: any NameSource
  private var resolver = Resolver(table: .none)
  private var waiting: WaitingQueries
  private var buckets: TokenBuckets
  private var connections: [Int32: ResolverConnection] = [:]
  private var connectionsBySource: [IPv4Address: Int] = [:]
  private var buffer = [UInt8](repeating: 0, count: Resolver.longestQuery + 1)
  /// Counts and verdicts of this turn.
  private var counts = ResolverServer.Contents()
  private var verdicts: [QueryVerdict] = []
  private var limitedBySource: [IPv4Address: Int] = [:]

  init(sockets: ResolverSockets, names: any NameSource, limits: ResolverServer.Limits) {
    self.sockets = sockets
    self.names = names
    self.limits = limits
    waiting = WaitingQueries(limits: limits)
    buckets = TokenBuckets(rate: limits.rate, burst: limits.burst)
    _ = reload(now: nanoseconds(of: CLOCK_MONOTONIC), isUrgent: true)
  }

  mutating func turn() {
    var waits = [
      pollfd(fd: sockets.datagrams, events: Int16(POLLIN), revents: 0),
      pollfd(fd: sockets.listener, events: Int16(POLLIN), revents: 0),
    ]
    for connection in connections.values {
      let events = (connection.wantsToRead ? POLLIN : 0) | (connection.wantsToWrite ? POLLOUT : 0)
      waits.append(pollfd(fd: connection.descriptor, events: Int16(events), revents: 0))
    }
    if poll(&waits, nfds_t(waits.count), Self.waitMilliseconds) < 0, errno != EINTR {
      // Not to be expected of open sockets; slow down instead of burning a processor.
      usleep(100_000)
    }
    let now = nanoseconds(of: CLOCK_MONOTONIC)
    let hasChanged = reload(now: now, isUrgent: false)
    for query in waiting.take(now: now, isKnown: hasChanged ? { [resolver] in resolver.knows($0) } : nil) {
      answer(query.message[...], to: query.sender, now: now)
    }
    if waits[0].revents != 0 { answerDatagrams(now: now) }
    for wait in waits.dropFirst(2) where wait.revents != 0 { serve(wait, now: now) }
    for connection in connections.values where connection.deadline <= now {
      counts.closed += 1
      close(connection)
    }
    if waits[1].revents != 0 { accept(now: now) }
  }

  /// Adds what the turn found to the record.
  mutating func hand(to record: borrowing Mutex<ResolverServer.Record>) {
    let time = verdicts.isEmpty ? 0 : nanoseconds(of: CLOCK_REALTIME)
    record.withLock { record in
      for verdict in verdicts { record.window.add(DeniedAttempt.Key(verdict), time: time) }
      for (source, count) in limitedBySource { record.window.addUntold(count, source: source.description) }
      record.contents.outcomes.merge(counts.outcomes) { $0 + $1 }
      record.contents.limited += counts.limited
      record.contents.closed += counts.closed
      record.contents.unsent += counts.unsent
    }
    counts = ResolverServer.Contents()
    verdicts.removeAll(keepingCapacity: true)
    limitedBySource.removeAll(keepingCapacity: true)
  }

  mutating func end() {
    for connection in connections.values { close(connection) }
  }

  private mutating func reload(now: Int64, isUrgent: Bool) -> Bool {
    guard names.update(&resolver, now: now, isUrgent: isUrgent) else { return false }
    let host = sockets.address
    buckets.keep(most: resolver.count + 2) { [resolver] in $0 == host || resolver.knows($0) }
    return true
  }

  private mutating func answerDatagrams(now: Int64) {
    for _ in 0..<Self.datagramsPerTurn {
      var sender = sockaddr_in()
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let count = withUnsafeMutablePointer(to: &sender) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          recvfrom(sockets.datagrams, &buffer, buffer.count, 0, $0, &length)
        }
      }
      // An error that an earlier answer brought back (no such port any more) ends the turn, and is gone with it.
      guard count >= 0 else { return }
      // One byte more than the longest query has room, so a longer one shows.
      let place = SocketAddress(sender)
      let isStranger = place.address != sockets.address && !resolver.knows(place.address)
      if isStranger, waiting.add(buffer.prefix(count), from: place, now: now) { continue }
      answer(buffer.prefix(count), to: place, now: now)
    }
  }

  private mutating func answer(_ message: ArraySlice<UInt8>, to place: SocketAddress, now: Int64) {
    guard case .answered(let answer) = handle(message, from: place.address, now: now) else { return }
    var sender = place.system
    let sent = withUnsafePointer(to: &sender) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(sockets.datagrams, answer, answer.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if sent != answer.count { counts.unsent += 1 }
  }

  private mutating func handle(
    _ message: ArraySlice<UInt8>, from source: IPv4Address, now: Int64
  ) -> ResolverConnection.Handling {
    // Only the machine itself sends from the address that it listens on.
    let isHost = source == sockets.address
    let bucket = isHost || resolver.knows(source) ? source : IPv4Address(bits: 0)
    guard buckets.take(for: bucket, at: now) else {
      counts.limited += 1
      limitedBySource[source, default: 0] += 1
      return .refused
    }
    // Whoever asks which table is in force hears of the one that is there now.
    if isHost { _ = reload(now: now, isUrgent: true) }
    let reply = resolver.reply(to: message, from: source, isHost: isHost)
    counts.outcomes[reply.outcome, default: 0] += 1
    if let verdict = reply.verdict { verdicts.append(verdict) }
    return reply.message.map { .answered($0) } ?? .passedOver
  }

  private mutating func accept(now: Int64) {
    for _ in 0..<Self.connectionsPerTurn {
      var sender = sockaddr_in()
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      // Blocks in no call, as each says so; never closed for a program, as this process may run none.
      let descriptor = withUnsafeMutablePointer(to: &sender) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.accept(sockets.listener, $0, &length) }
      }
      guard descriptor >= 0 else {
        // Without a free descriptor the connection would wait for ever, and wake every turn.
        if errno == EMFILE || errno == ENFILE, !closeNext() { usleep(10_000) }
        return
      }
      let source = SocketAddress(sender).address
      guard connectionsBySource[source, default: 0] < limits.connectionsPerSender else {
        counts.closed += 1
        Glibc.close(descriptor)
        continue
      }
      if connections.count >= limits.connections { _ = closeNext() }
      connections[descriptor] = ResolverConnection(descriptor: descriptor, source: source, limits: limits, now: now)
      connectionsBySource[source, default: 0] += 1
    }
  }

  private mutating func serve(_ wait: pollfd, now: Int64) {
    // Taken out, so that its buffers have one owner while they change.
    guard var connection = connections.removeValue(forKey: wait.fd) else { return }
    let canRead = Int32(wait.revents) & (POLLIN | POLLHUP | POLLERR) != 0
    var room = [UInt8]()
    swap(&room, &buffer)
    let source = connection.source
    let turn = connection.turn(canRead: canRead, now: now, buffer: &room) { handle($0, from: source, now: now) }
    swap(&room, &buffer)
    switch turn {
    case .goesOn: connections[wait.fd] = connection
    case .ended: close(connection)
    case .refused:
      counts.closed += 1
      close(connection)
    }
  }

  /// Closes the connection that would end next, if there is one.
  private mutating func closeNext() -> Bool {
    guard let next = connections.values.min(by: { $0.deadline < $1.deadline }) else { return false }
    counts.closed += 1
    close(next)
    return true
  }

  private mutating func close(_ connection: ResolverConnection) {
    Glibc.close(connection.descriptor)
    connections.removeValue(forKey: connection.descriptor)
    let left = connectionsBySource[connection.source, default: 1] - 1
    connectionsBySource[connection.source] = left > 0 ? left : nil
  }
}
