import Foundation

/// The validating webhook with all shipped policies, as an API server would ask it, under sixteen connections; beside the
/// same server when it has nothing to decide.
enum WebhookBenchmark {
  static func run(_ pod: String) async throws -> [Row] {
    let directory = try ScratchDirectory()
    defer { directory.remove() }
    let port = try freePort()
    let webhook = try program(in: directory.path, port: port)
    await webhook.start()
    do {
      let rows = try await measure(webhook, in: directory.path, port: port, pod)
      await webhook.stop()
      return rows
    } catch {
      await webhook.stop()
      throw error
    }
  }

  private static func program(in directory: String, port: UInt16) throws -> BackgroundProgram {
    let (chain, key) = try Identities(in: directory).serverPEM(for: ["webhook.test"])
    for (name, text) in [("cert.pem", chain), ("key.pem", key)] {
      try text.write(toFile: "\(directory)/\(name)", atomically: true, encoding: .utf8)
    }
    return BackgroundProgram(
      "webhook", in: directory, BenchmarkPlatform.program,
      [
        "admission", "serve", "--listen", "127.0.0.1:\(port)", "--cert", "\(directory)/cert.pem", "--key",
        "\(directory)/key.pem", "--policy", "\(FileManager.default.currentDirectoryPath)/policy/gatekeeper",
      ])
  }

  private static func measure(
    _ webhook: BackgroundProgram, in directory: String, port: UInt16, _ pod: String
  ) async throws -> [Row] {
    let review =
      #"{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "1", "kind": "#
      + #"{"group": "", "version": "v1", "kind": "Pod"}, "name": "p", "namespace": "n", "operation": "CREATE", "#
      + #""object": \#(pod)}}"#
    let script = "\(directory)/review.lua"
    try """
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
    wrk.body = [==[\(review)]==]
    """.write(toFile: script, atomically: true, encoding: .utf8)
    let idle = LoadTest(name: "healthz", url: "https://127.0.0.1:\(port)/healthz")
    try await eventually("the webhook answers", log: webhook.log) {
      try await idle.run(connections: 1, seconds: 1).failed == 0
    }
    let process = try webhook.process()
    let before = MemoryBenchmark.megabytes(of: [process])
    let reviews = LoadTest(name: "reviews", url: "https://127.0.0.1:\(port)/v1/admit", script: script)
    var rows: [Row] = []
    for connections in [1, 16] {
      let results = try await LoadTest.compare([reviews, idle], connections: connections)
      rows.append(
        .load("webhook, 16 policies, Pod of 3 kB, c=\(connections)", results[0], "/healthz of the same", results[1]))
    }
    let after = MemoryBenchmark.megabytes(of: [process])
    rows.append(
      Row(
        what: "memory of the webhook", figure: String(format: "%.1f MiB after the load", after),
        peer: String(format: "before it: %.1f MiB", before), ratio: String(format: "%.2f", after / before)))
    return rows
  }
}
