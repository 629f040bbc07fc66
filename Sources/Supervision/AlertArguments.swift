import AgentModel
import AlertForwarding

extension Platform {
  /// Arguments of the control plane about where alerts are sent on to.
  var alertArguments: [String] {
    let settings = configuration.forwarding
    var arguments = ["--alert-log", layout.alertLog]
    if let address = settings.syslog { arguments += ["--alert-syslog", "\(address)"] }
    if let webhook = settings.webhook {
      arguments += ["--alert-webhook", "\(webhook.url)", "--alert-webhook-secret-file", webhook.secretFile]
    }
    return arguments
  }

  /// Likewise about who keeps checkpoints of the audit log.
  var witnessArguments: [String] { configuration.witness.arguments }
}

extension InstanceLayout {
  /// A line of Falco's JSON for each alert; written by the control plane alone.
  var alertLog: String { "\(logDirectory)/alerts.jsonl" }
}
