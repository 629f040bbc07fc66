import Foundation
import Glibc

/// All knocks of a plan, made at the same time, in one thread.
struct ProbeKnocks {
  struct Outcome {
    var id: String
    var isDone: Bool
    var text: String
    var answer: Data?
  }

  /// For all of them.
  private static let patience: Int32 = 3_000

  private enum State { case connecting, waiting }

  private struct Try {
    var knock: ProbePlan.Knock
    var socket: Int32
    var state: State
  }

  private let knocks: [ProbePlan.Knock]

  init(_ knocks: [ProbePlan.Knock]) { self.knocks = knocks }

  /// - Parameter listeners: are served meanwhile, because other probes knock at them.
  func outcomes(while listeners: ProbeListeners) -> [Outcome] {
    guard !knocks.isEmpty else { return [] }
    var outcomes: [Outcome] = []
    var tries: [Int32: Try] = [:]
    for knock in knocks {
      switch begin(knock) {
      case .success(let attempt): tries[attempt.socket] = attempt
      case .failure(let failure): outcomes.append(Outcome(id: knock.id, isDone: false, text: failure.text))
      }
    }
    let deadline = ContinuousClock.now + .milliseconds(Self.patience)
    while !tries.isEmpty {
      let left = ContinuousClock.now.duration(to: deadline)
      guard left > .zero else { break }
      let places = tries.values.map {
        pollfd(fd: $0.socket, events: Int16($0.state == .connecting ? POLLOUT : POLLIN), revents: 0)
      }
      let milliseconds = Int32(
        clamping: left.components.seconds * 1_000 + left.components.attoseconds / 1_000_000_000_000_000)
      for place in listeners.serve(for: max(1, milliseconds), places) {
        guard var attempt = tries[place.fd] else { continue }
        if let outcome = advance(&attempt) {
          outcomes.append(outcome)
          close(attempt.socket)
          tries[place.fd] = nil
        } else {
          tries[place.fd] = attempt
        }
      }
    }
    for attempt in tries.values {
      close(attempt.socket)
      let isConnected = attempt.knock.transport == .tcp && attempt.state == .waiting
      outcomes.append(
        isConnected && attempt.knock.payload == nil
          ? Outcome(id: attempt.knock.id, isDone: true, text: "connected")
          : Outcome(
            id: attempt.knock.id, isDone: false,
            text: isConnected ? "connected, and no answer came within 3 s" : "no answer within 3 s"))
    }
    return outcomes
  }

  private struct Failure: Error { var text: String }

  private func begin(_ knock: ProbePlan.Knock) -> Result<Try, Failure> {
    guard let address = ProbeAddress(knock.address, port: knock.port) else {
      return .failure(Failure(text: "'\(knock.address)' is no address"))
    }
    let number: Int32 =
      knock.transport != .icmp ? 0 : Int32(address.family == AF_INET ? IPPROTO_ICMP : Int(IPPROTO_ICMPV6))
    let socket = ProbeSocket.open(address, knock.transport == .tcp ? SOCK_STREAM : SOCK_DGRAM, number)
    guard socket >= 0 else { return .failure(Failure(text: "no socket: \(ProbeSocket.error)")) }
    let result = address.with { connect(socket, $0, $1) }
    guard result == 0 || errno == EINPROGRESS else {
      defer { close(socket) }
      return .failure(Failure(text: ProbeSocket.error))
    }
    var attempt = Try(knock: knock, socket: socket, state: .connecting)
    if knock.transport != .tcp {
      attempt.state = .waiting
      guard ProbeSocket.say(message(of: knock, family: address.family), socket) else {
        defer { close(socket) }
        return .failure(Failure(text: ProbeSocket.error))
      }
    }
    return .success(attempt)
  }

  private func message(of knock: ProbePlan.Knock, family: Int32) -> [UInt8] {
    guard knock.transport == .icmp else { return knock.payload.map { [UInt8]($0) } ?? Array("probe".utf8) }
    // Echo request; the kernel adds identifier and checksum (icmp(7)).
    return [family == AF_INET ? 8 : 128, 0, 0, 0, 0, 0, 0, 1] + Array("probe".utf8)
  }

  /// - Returns: `nil` when there is more to wait for.
  private func advance(_ attempt: inout Try) -> Outcome? {
    func end(_ isDone: Bool, _ text: String, _ answer: [UInt8]? = nil) -> Outcome {
      Outcome(id: attempt.knock.id, isDone: isDone, text: text, answer: answer.map { Data($0) })
    }
    if attempt.state == .connecting {
      var code: Int32 = 0
      var length = socklen_t(MemoryLayout<Int32>.size)
      getsockopt(attempt.socket, SOL_SOCKET, SO_ERROR, &code, &length)
      guard code == 0 else { return end(false, String(cString: strerror(code))) }
      attempt.state = .waiting
      if let payload = attempt.knock.payload, !ProbeSocket.say([UInt8](payload), attempt.socket) {
        return end(false, "connected, and \(ProbeSocket.error)")
      }
      return nil
    }
    guard let answer = ProbeSocket.receive(attempt.socket) else {
      return errno == EAGAIN ? nil : end(false, ProbeSocket.error)
    }
    if answer.isEmpty, attempt.knock.transport == .tcp {
      return attempt.knock.payload == nil
        ? end(true, "connected, and the other side closed") : end(false, "connected, and closed without an answer")
    }
    return end(true, "answered with \(answer.count) bytes", answer)
  }
}
