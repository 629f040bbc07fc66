import APIModel
import Faults
import Logging

/// Sends alerts on to a file, to syslog and to a webhook, as far as it is told to.
///
/// Each has a bounded queue of its own in memory, so that one that is away holds up neither the others nor whoever
/// raises alerts. What waits when the process ends is lost to them; the store has it.
package final class AlertForwarder: Sendable {
  private let queues: [OutletQueue]

  /// - Throws: `Fault` naming the file of the webhook's secret when it cannot be used.
  /// - Parameter others: places beside those of the settings.
  package convenience init(_ settings: ForwardingSettings, others: [any Outlet] = [], logger: Logger) throws {
    var outlets = others
    if let file = settings.logFile { outlets.append(LogFileOutlet(path: file)) }
    if let address = settings.syslog { outlets.append(SyslogOutlet(address)) }
    if let webhook = settings.webhook {
      outlets.append(WebhookOutlet(webhook.url, secret: try WebhookSecret(file: webhook.secretFile)))
    }
    self.init(outlets, logger: logger)
  }

  init(_ outlets: [any Outlet], retry: RetryDelays = RetryDelays(), logger: Logger) {
    queues = outlets.map { OutletQueue($0, retry: retry, logger: logger) }
  }

  /// Whether alerts are sent to nobody.
  package var isIdle: Bool { queues.isEmpty }

  /// How many alerts each outlet did not get and will not get, by its name.
  package var dropped: [String: Int] {
    Dictionary(queues.map { ($0.outlet.name, $0.dropped) }, uniquingKeysWith: +)
  }

  /// How many alerts wait for each outlet, by its name.
  package var waiting: [String: Int] {
    Dictionary(queues.map { ($0.outlet.name, $0.waiting) }, uniquingKeysWith: +)
  }

  /// Queues the alert and returns at once.
  package func forward(_ alert: AlertResource) { for queue in queues { queue.add(alert) } }

  /// Delivers until the task is cancelled.
  package func run() async {
    await withTaskGroup(of: Void.self) { group in
      for queue in queues { group.addTask { await queue.run() } }
    }
  }
}
