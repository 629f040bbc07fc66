import AgentModel
import Faults
import Foundation
import Testing

@testable import Supervision

@Suite("The preparation of an instance") struct PreparationTests {
  @Test("refuses a state directory too deep for a Unix socket") func depth() {
    let layout = InstanceLayout(stateDirectory: "/tmp/" + String(repeating: "d", count: 100))
    #expect {
      try Preparation.makeLockDirectory(layout)
    } throws: { error in
      (error as? Fault)?.remedy == "choose a shorter --state-dir"
    }
  }

  @Test("refuses a directory that the control plane's user cannot pass", .enabled(if: rootTests))
  func traversal() async throws {
    try await withDirectory { directory in
      try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: directory)
      #expect {
        try Preparation.makeLockDirectory(InstanceLayout(stateDirectory: "\(directory)/state"))
      } throws: { error in
        (error as? Fault)?.reason.hasSuffix("may not pass through \(directory)") == true
      }
    }
  }

  @Test("lets one supervisor in at a time", .enabled(if: rootTests)) func lock() async throws {
    try await withDirectory { directory in
      let layout = InstanceLayout(stateDirectory: directory)
      try Preparation.makeLockDirectory(layout)
      var lock = try SupervisorLock.take(layout)
      #expect(lock != nil)
      #expect(try SupervisorLock.take(layout) == nil)
      lock = nil
      #expect(SupervisorLock.holder(layout) == nil)
      #expect(try SupervisorLock.take(layout) != nil)
    }
  }

  @Test("lets a supervisor in while somebody looks who it is", .enabled(if: rootTests)) func looks() async throws {
    try await withDirectory { directory in
      let layout = InstanceLayout(stateDirectory: directory)
      try Preparation.makeLockDirectory(layout)
      let file = open(layout.lockFile, O_RDONLY | O_CREAT | O_CLOEXEC, 0o644)
      #expect(flock(file, LOCK_SH | LOCK_NB) == 0)
      Thread.detachNewThread {
        usleep(20_000)
        close(file)
      }
      let lock = try SupervisorLock.take(layout)
      #expect(lock != nil)
      #expect(try SupervisorLock.take(layout) == nil)
      withExtendedLifetime(lock) {}
    }
  }
}

@Suite("The source of the policy") struct PolicySourceTests {
  @Test("is what the caller names, then the environment, then what lies near the program") func order() async throws {
    try await withDirectory { directory in
      for name in ["given", "environment", "checkout/policy", "usr/share/lobstack/policy"] {
        try FileManager.default.createDirectory(
          atPath: "\(directory)/\(name)/network", withIntermediateDirectories: true)
      }
      let variables = ["LOBSTACK_POLICY": "\(directory)/environment"]
      func find(_ given: String?, _ program: String, _ environment: [String: String]) throws -> String {
        try PolicySource.find(given: given, executable: "\(directory)/\(program)", environment: environment).directory
      }
      #expect(try find("\(directory)/given", "usr/bin/lobstack", variables) == "\(directory)/given")
      #expect(try find(nil, "usr/bin/lobstack", variables) == "\(directory)/environment")
      #expect(try find(nil, "usr/bin/lobstack", [:]) == "\(directory)/usr/share/lobstack/policy")
      #expect(try find(nil, "checkout/.build/debug/lobstack", [:]) == "\(directory)/checkout/policy")
      #expect(throws: Fault.self) { try find("\(directory)/none", "usr/bin/lobstack", variables) }
    }
  }

  @Test("is copied whole, and replaces what was there") func copying() async throws {
    try await withDirectory { directory in
      let layout = InstanceLayout(stateDirectory: directory)
      for path in ["\(directory)/policy/network", "\(layout.policyDirectory)/network"] {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      }
      try Data("new".utf8).write(to: URL(filePath: "\(directory)/policy/network/a.yaml"))
      try Data("old".utf8).write(to: URL(filePath: "\(layout.policyDirectory)/network/b.yaml"))
      try PolicySource(directory: "\(directory)/policy").copy(to: layout)
      #expect(try FileManager.default.contentsOfDirectory(atPath: "\(layout.policyDirectory)/network") == ["a.yaml"])
    }
  }

  @Test("may hold no symbolic link") func links() async throws {
    try await withDirectory { directory in
      try FileManager.default.createDirectory(atPath: "\(directory)/policy/network", withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(
        atPath: "\(directory)/policy/network/a.yaml", withDestinationPath: "/etc/shadow")
      let layout = InstanceLayout(stateDirectory: directory)
      try FileManager.default.createDirectory(atPath: layout.root, withIntermediateDirectories: true)
      #expect(throws: Fault.self) { try PolicySource(directory: "\(directory)/policy").copy(to: layout) }
    }
  }
}

let rootTests = geteuid() == 0 || ProcessInfo.processInfo.environment["REQUIRE_ROOT_TESTS"] == "1"
