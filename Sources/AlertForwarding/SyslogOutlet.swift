import APIModel
import Glibc

/// Alerts to a syslog server.
struct SyslogOutlet: SingleOutlet {
  let name = "syslog"
  private let syslog: Syslog

  init(_ address: SyslogAddress) {
    syslog = Syslog(address: address, what: "an alert", option: "--alert-syslog")
  }

  func deliver(_ alert: AlertResource) async throws {
    try syslog.send(try SyslogMessage(alert, process: getpid()).bytes)
  }

  func close() async {}
}
