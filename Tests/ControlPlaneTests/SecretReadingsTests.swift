import Foundation
import Testing

@testable import ControlPlane

@Suite("Readings of secrets") struct SecretReadingsTests {
  @Test("are the answered ones of the audit log, whatever else stands in it") func last() throws {
    let directory = NSTemporaryDirectory() + "lobstack-readings-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    func line(_ time: String, _ operation: String, _ path: String, type: String = "response", more: String = "")
      -> String
    {
      #"{"time":"\#(time)","type":"\#(type)","request":{"operation":"\#(operation)","path":"\#(path)"}\#(more)}"#
    }
    let own = "secret/data/lobstack/agent/acme.bot/key"
    let newer = [
      line("2026-11-25T05:00:02.123456789Z", "read", own), line("2026-11-25T05:00:09Z", "read", own, type: "request"),
      line("2026-11-25T05:00:08Z", "update", own),
      line("2026-11-25T05:00:07Z", "read", own, more: #","error":"permission denied""#),
      line("2026-11-25T05:00:06Z", "read", "secret/metadata/lobstack/agent/acme.bot/key"), "no JSON \(own)", "",
      #"{"time":"soon","type":"response","request":{"operation":"read","path":"\#(own)"}}"#,
    ]
    let older = [
      line("2026-11-25T04:00:00Z", "read", own),
      line("2026-11-25T04:00:01Z", "read", "secret/data/lobstack/tenant/acme/x"),
    ]
    let files = ["\(directory)/audit", "\(directory)/audit.1", "\(directory)/none"]
    for (file, lines) in zip(files, [newer, older]) {
      try lines.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
    }
    let found = SecretReadings(files: files).last().mapValues { Int($0.timeIntervalSince1970) }
    #expect(found == ["lobstack/agent/acme.bot/key": 1_795_582_802, "lobstack/tenant/acme/x": 1_795_579_201])
  }
}
