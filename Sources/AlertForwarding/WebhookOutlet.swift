import APIModel

/// A web server that gets each alert as the body of a POST, signed.
struct WebhookOutlet: SingleOutlet {
  let name = "webhook"
  private let server: SignedPost

  init(_ url: WebhookURL, secret: WebhookSecret) {
    server = SignedPost(url, secret: secret, what: "an alert", option: "--alert-webhook")
  }

  func deliver(_ alert: AlertResource) async throws {
    try await server.post(try alert.falcoLine(), type: "application/json")
  }

  func close() async { await server.close() }
}
