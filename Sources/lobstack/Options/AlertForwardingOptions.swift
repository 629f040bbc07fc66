import AgentModel
import AlertForwarding
import ArgumentParser
import Foundation

/// Where alerts are sent on to.
struct AlertForwardingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Send alerts to this syslog server, as RFC 5424: /dev/log or udp://ADDRESS:PORT.", valueName: "address"),
    transform: parseText)
  var alertSyslog: SyslogAddress?

  @Option(
    help: ArgumentHelp("Post each alert to this https URL, as Falco's JSON, signed.", valueName: "url"),
    transform: parseText)
  var alertWebhook: WebhookURL?

  @Option(
    help: ArgumentHelp(
      "File of the secret that --alert-webhook is signed with, readable by user lobstack and by nobody else.",
      valueName: "file"), completion: .file())
  var alertWebhookSecretFile: String?

  mutating func validate() throws {
    if alertWebhook != nil, alertWebhookSecretFile == nil {
      throw ValidationError("--alert-webhook needs --alert-webhook-secret-file: without a signature anybody could post")
    }
    if alertWebhook == nil, alertWebhookSecretFile != nil {
      throw ValidationError("--alert-webhook-secret-file is for a webhook: give --alert-webhook too")
    }
  }

  var settings: ForwardingSettings {
    var settings = ForwardingSettings(syslog: alertSyslog)
    if let alertWebhook, let file = alertWebhookSecretFile {
      settings.webhook = ForwardingSettings.Webhook(
        url: alertWebhook, secretFile: URL(filePath: file).standardizedFileURL.path)
    }
    return settings
  }

  /// The same options on another command line.
  var arguments: [String] {
    let optional: [(String, String?)] = [
      ("--alert-syslog", settings.syslog?.description), ("--alert-webhook", settings.webhook?.url.description),
      ("--alert-webhook-secret-file", settings.webhook?.secretFile),
    ]
    return optional.flatMap { name, value in value.map { [name, $0] } ?? [] }
  }
}
