import Foundation
import JSONValues
import Testing

@testable import ClusterVerification

@Suite("An alert of the sentinel") struct DetectionTests {
  private func line(_ rule: String, _ pod: String, output: String = "a shell") -> String {
    #"{"rule":"\#(rule)","priority":"Warning","output":"\#(output)","output_fields":{"k8s.pod.name":"\#(pod)"}}"#
  }

  private func find(_ lines: String...) -> String? {
    SentinelLog.first(in: Array(lines.joined(separator: "\n").utf8)) {
      $0["rule"]?.string == "Shell" && SentinelLog.isOf("verify-1-a", $0)
    }?["output"]?.string
  }

  @Test("is known by its rule and its Pod") func found() {
    #expect(find("answers at 0.0.0.0:8081", line("Other", "verify-1-a"), line("Shell", "verify-1-a")) == "a shell")
  }

  @Test("is not that of another Pod, nor what an agent wrote to look like one") func others() {
    #expect(find(line("Shell", "verify-1-b"), #"{"rule":"Shell"}"#, "Shell verify-1-a", "{", "") == nil)
    #expect(find(line("Other", "x", output: #"\"rule\":\"Shell\",\"k8s.pod.name\":\"verify-1-a\""#)) == nil)
  }
}
