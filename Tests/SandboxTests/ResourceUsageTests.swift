import Foundation
import Testing

@testable import Sandbox

@Suite("What a control group uses") struct ResourceUsageTests {
  /// Control groups whose files say what `files` has, by their path below the mount point.
  private func with(_ files: [String: String], version: Int, _ body: (ControlGroups) throws -> Void) throws {
    let directory = NSTemporaryDirectory() + "lobstack-groups-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: directory) }
    for (path, text) in files {
      let file = URL(filePath: "\(directory)/\(path)")
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    let controllers = ControlGroups.needed + ["cpuacct"]
    let table =
      version == 2
      ? "cgroup2 \(directory) cgroup2 rw 0 0"
      : controllers.map { "cgroup \(directory)/\($0) cgroup rw,\($0) 0 0" }.joined(separator: "\n")
    try body(try ControlGroups.detect(mountTable: table, controllers: "cpu memory pids\n"))
  }

  private static let one = [
    "cpuacct/g/cpuacct.usage": "1500000000\n", "memory/g/memory.usage_in_bytes": "1048576\n",
    "pids/g/pids.current": "17\n", "memory/g/memory.limit_in_bytes": "2147483648\n",
    "cpu/g/cpu.cfs_quota_us": "200000\n", "pids/g/pids.max": "4156\n",
  ]
  private static let two = [
    "g/cpu.stat": "usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\n", "g/memory.current": "1048576\n",
    "g/pids.current": "17\n", "g/memory.max": "2147483648\n", "g/cpu.max": "200000 100000\n", "g/pids.max": "4156\n",
  ]

  @Test("is told in the same units by both versions, with the limits", arguments: [(1, one), (2, two)])
  func reads(version: Int, files: [String: String]) throws {
    try with(files, version: version) { groups in
      #expect(
        groups.usage(of: "/g")
          == ResourceUsage(
            cpuNanoseconds: 1_500_000_000, memoryBytes: 1_048_576, tasks: 17, cpuLimit: 2, memoryLimit: 2_147_483_648,
            taskLimit: 4156))
      #expect(groups.usage(of: "/gone") == nil)
    }
  }

  @Test("has no limit where the kernel has none") func unlimited() throws {
    let files = ["g/memory.max": "max\n", "g/cpu.max": "max 100000\n", "g/pids.max": "max\n"]
    try with(Self.two.merging(files) { _, new in new }, version: 2) { groups in
      let usage = try #require(groups.usage(of: "/g"))
      // The period, which stands where a quota would, is none.
      #expect(usage.memoryLimit == nil && usage.taskLimit == nil && usage.cpuLimit == nil)
    }
    let quota = ["cpu/g/cpu.cfs_quota_us": "-1\n"]
    try with(Self.one.merging(quota) { _, new in new }, version: 1) { groups in
      let usage = try #require(groups.usage(of: "/g"))
      #expect(usage.cpuLimit == nil && usage.memoryLimit == 2_147_483_648)
    }
  }

  @Test("is not told when a count is missing or no number") func broken() throws {
    for (path, text) in [
      ("g/cpu.stat", "user_usec 1\n"), ("g/cpu.stat", "usage_usec x\n"),
      ("g/cpu.stat", "usage_usec 18446744073709551615\n"), ("g/memory.current", ""), ("g/pids.current", "-1\n"),
    ] {
      try with(Self.two.merging([path: text]) { _, new in new }, version: 2) { groups in
        #expect(groups.usage(of: "/g") == nil, "\(path): \(text)")
      }
    }
    try with(Self.one.filter { !$0.key.hasPrefix("cpuacct") }, version: 1) { groups in
      #expect(groups.usage(of: "/g") == nil)
    }
  }
}
