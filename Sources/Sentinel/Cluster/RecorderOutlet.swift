import APIClient
import APIModel
import AlertForwarding

/// The recorder of the cluster, which keeps alerts, many in one request.
struct RecorderOutlet: Outlet {
  let name = "recorder"
  var longestBatch: Int { AlertReport.longest }
  private let recorder: RecorderClient

  init(_ settings: RecorderClient.Settings) { recorder = RecorderClient(settings) }

  func deliver(_ alerts: [AlertResource]) async throws -> Int {
    let batch = AlertReport.beginning(of: alerts)
    try await recorder.ask("have \(batch.count) alerts kept") { try await $0.reportAlerts(batch) }
    return batch.count
  }

  // Nothing waits for an answer any more.
  func close() async { try? await recorder.shutdown() }
}
