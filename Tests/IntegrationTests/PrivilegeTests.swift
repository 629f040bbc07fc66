import AgentModel
import Foundation
import KernelFiles
import Supervision
import Testing

@Suite("The platform's processes", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(4)))
struct PrivilegeTests {
  private struct Thread {
    var users: Set<Substring>
    var capabilities: String
    var noNewPrivileges: Bool
  }

  private func threads(of process: Int32) throws -> [Thread] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task").compactMap { thread in
      // Threads come and go, and one that has gone has no rights.
      guard let text = try? kernelFile("/proc/\(process)/task/\(thread)/status"), !text.isEmpty else { return nil }
      func field(_ name: String) -> [Substring] {
        (text.split(separator: "\n").first { $0.hasPrefix("\(name):") } ?? "").dropFirst(name.count + 1)
          .split(separator: "\t")
      }
      return Thread(
        users: Set(field("Uid")), capabilities: field("CapEff").joined(), noNewPrivileges: field("NoNewPrivs") == ["1"])
    }
  }

  @Test("run every thread as their own user, without capabilities, all but the node") func unprivileged() async throws {
    try await withPlatform { platform in
      let layout = platform.layout
      let users: [(String, UInt32?)] = [
        ("control-plane", getpwnam(InstanceLayout.User.controlPlane)?.pointee.pw_uid),
        ("sentinel", getpwnam(InstanceLayout.User.sentinel)?.pointee.pw_uid),
        ("gateway", layout.gatewayUserID), ("proxy", layout.proxyUserID),
      ]
      for (component, user) in users {
        let user = try #require(user)
        let threads = try threads(of: try platform.processID(of: component))
        #expect(threads.count > 1)
        for thread in threads {
          #expect(thread.users == ["\(user)"], "\(component): \(thread)")
          #expect(thread.capabilities.allSatisfy { $0 == "0" }, "\(component): \(thread)")
          #expect(thread.noNewPrivileges, "\(component): \(thread)")
        }
      }
    }
  }
}
