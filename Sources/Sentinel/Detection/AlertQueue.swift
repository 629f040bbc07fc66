import APIModel
import AgentModel
import Synchronization

/// Alerts that wait for the API, in bounded room and with a share for each sandbox.
final class AlertQueue: Sendable {
  /// Alerts that wait at most; of them, of one sandbox. What has no room is counted.
  static let longest = 10_000
  static let longestOfOne = 2_000
  private struct State {
    var alerts: [AlertResource] = []
    var counts: [String: Int] = [:]
    /// Alerts without room, by sandbox.
    var untold: [String: Int] = [:]
    var batch = 0
  }

  private let state = Mutex(State())
  /// Raised when there is something to report.
  let raised: AsyncStream<Void>
  private let raise: AsyncStream<Void>.Continuation

  init() { (raised, raise) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1)) }

  func add(_ alerts: [AlertResource]) {
    guard !alerts.isEmpty else { return }
    state.withLock { state in
      for alert in alerts {
        guard state.alerts.count < Self.longest, state.counts[alert.container, default: 0] < Self.longestOfOne else {
          state.untold[alert.container, default: 0] += 1
          continue
        }
        state.counts[alert.container, default: 0] += 1
        state.alerts.append(alert)
      }
    }
    raise.yield()
  }

  /// The next report, oldest first; it stays queued until `removeBatch`. Empty when nothing waits.
  ///
  /// - Parameter most: alerts in it.
  func batch(most: Int = AlertReport.longest) -> [AlertResource] {
    state.withLock { state in
      let batch = AlertReport.beginning(of: state.alerts.prefix(most))
      state.batch = batch.count
      return batch
    }
  }

  func removeBatch() {
    state.withLock { state in
      for alert in state.alerts.prefix(state.batch) {
        let left = (state.counts[alert.container] ?? 1) - 1
        state.counts[alert.container] = left > 0 ? left : nil
      }
      state.alerts.removeFirst(state.batch)
      state.batch = 0
    }
  }

  /// How many alerts had no room since the last call, by sandbox.
  func takeUntold() -> [String: Int] {
    state.withLock { state in
      defer { state.untold = [:] }
      return state.untold
    }
  }
}

extension AlertReport {
  /// Bytes of one report, well below what the API takes (`APIProtocol.longestBody`).
  private static let largest = 512 << 10

  /// The first alert, and those after it that fit into one report with it.
  static func beginning(of alerts: some Sequence<AlertResource>) -> [AlertResource] {
    var left = largest
    return Array(
      alerts.prefix(longest).prefix { alert in
        let isFirst = left == largest
        left -= alert.estimatedSize
        return isFirst || left >= 0
      })
  }
}

extension AlertResource {
  /// Bytes of it as JSON at most.
  fileprivate var estimatedSize: Int {
    let fields = outputFields.reduce(0) { size, field in
      let value =
        switch field.value {
        case .string(let text): text.sizeInJSON
        case .list(let items): items.reduce(2) { $0 + $1.sizeInJSON + 1 }
        case .null, .bool, .int, .unsigned, .double: 32
        }
      return size + field.key.sizeInJSON + value + 2
    }
    let texts = [output, rule, container, hostname, responseReason ?? ""] + tags
    return texts.reduce(fields + 1024) { $0 + $1.sizeInJSON + 1 }
  }
}

extension String {
  fileprivate var sizeInJSON: Int {
    utf8.reduce(2) { size, byte in
      switch byte {
      // `\u0001`
      case 0..<0x20: size + 6
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): size + 2
      default: size + 1
      }
    }
  }
}
