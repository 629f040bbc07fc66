import AgentModel
import AlertForwarding
import Logging
import Testing

@testable import Supervision

@Suite("The control plane is told") struct AlertArgumentsTests {
  @Test("where alerts are sent on to, and always of their file") func arguments() throws {
    var configuration = Platform.Configuration(layout: InstanceLayout(stateDirectory: "/var/lib/lobstack"))
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let file = ["--alert-log", "/var/lib/lobstack/default/log/alerts.jsonl"]
    #expect(Platform(configuration, logger: logger).alertArguments == file)
    configuration.forwarding.syslog = try #require(SyslogAddress("/dev/log"))
    configuration.forwarding.webhook = ForwardingSettings.Webhook(
      url: try #require(WebhookURL("https://siem.example.org/alerts")), secretFile: "/etc/lobstack/webhook")
    #expect(
      Platform(configuration, logger: logger).alertArguments == file + [
        "--alert-syslog", "/dev/log", "--alert-webhook", "https://siem.example.org/alerts",
        "--alert-webhook-secret-file", "/etc/lobstack/webhook",
      ])
    #expect(Platform(configuration, logger: logger).witnessArguments == [])
    configuration.witness = WitnessSettings(
      addresses: [
        try #require(WitnessAddress("file:/mnt/a.jsonl")), try #require(WitnessAddress("https://w.example.org/")),
      ], secretFile: "/etc/lobstack/witness")
    #expect(
      Platform(configuration, logger: logger).witnessArguments == [
        "--audit-witness", "file:/mnt/a.jsonl", "--audit-witness", "https://w.example.org/",
        "--audit-witness-secret-file", "/etc/lobstack/witness",
      ])
  }
}
