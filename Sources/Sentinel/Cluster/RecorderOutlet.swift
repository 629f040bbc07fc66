import APIClient
import APIModel
import AlertForwarding

/// The recorder of the cluster, which keeps alerts.
struct RecorderOutlet: Outlet {
  let name = "recorder"
  private let recorder: RecorderClient

  init(_ settings: RecorderClient.Settings) { recorder = RecorderClient(settings) }

  func deliver(_ alert: AlertResource) async throws {
    try await recorder.ask("have an alert kept") { try await $0.reportAlerts([alert]) }
  }

  // Nothing waits for an answer any more.
  func close() async { try? await recorder.shutdown() }
}
