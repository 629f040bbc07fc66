/// Where alerts are sent, beside the store.
package struct ForwardingSettings: Hashable, Sendable {
  /// A file that gets a line of JSON for each; it has to be there, and somebody else rotates it.
  package var logFile: String?
  package var syslog: SyslogAddress?
  package var webhook: Webhook?

  package struct Webhook: Hashable, Sendable {
    package var url: WebhookURL
    /// The file of the secret that requests are signed with.
    package var secretFile: String

    package init(url: WebhookURL, secretFile: String) {
      self.url = url
      self.secretFile = secretFile
    }
  }

  package init(logFile: String? = nil, syslog: SyslogAddress? = nil, webhook: Webhook? = nil) {
    self.logFile = logFile
    self.syslog = syslog
    self.webhook = webhook
  }
}
