import TraceWriting

/// Messages as a busy sandbox sends them.
struct TraceMessages {
  private let container: String

  init(container: String) { self.container = container }

  /// 60 % open, 15 % close, 10 % connect, 5 % each of socket, execve and clone, in no order that helps anybody.
  func mix(_ count: Int) -> [[UInt8]] {
    var state: UInt64 = 1
    return (0..<count).map { index in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      switch (state >> 33) % 100 {
      case 0..<60: return open(index)
      case 60..<75: return close(index)
      case 75..<85: return connect(index)
      case 85..<90: return socket()
      case 90..<95: return execute(index)
      default: return clone(index)
      }
    }
  }

  private static let paths = [
    "/usr/lib/python3.11/encodings/__init__.py", "/etc/ld.so.cache", "/workspace/data/input.json", "/tmp/scratch",
    "/proc/self/status", "/usr/share/zoneinfo/UTC", "/workspace/.git/HEAD", "/dev/null",
  ]

  private func open(_ index: Int) -> [UInt8] {
    message(7) {
      $0.exit(3)
      $0.number(3, UInt64(257))
      $0.number(4, Int64(-100))
      $0.text(6, Self.paths[index % Self.paths.count])
      $0.number(7, UInt64(0o2000000))
    }
  }

  private func close(_ index: Int) -> [UInt8] {
    message(8) {
      $0.exit()
      $0.number(3, UInt64(3))
      $0.number(4, UInt64(3))
    }
  }

  private func connect(_ index: Int) -> [UInt8] {
    message(10) {
      $0.number(3, UInt64(42))
      $0.number(4, UInt64(5))
      $0.bytes(6, [2, 0, 1, 0xbb, 93, 184, 215, UInt8(index % 250)] + [UInt8](repeating: 0, count: 8))
    }
  }

  private func socket() -> [UInt8] {
    message(12) {
      $0.exit(5)
      $0.number(3, UInt64(41))
      $0.number(4, UInt64(2))
      $0.number(5, UInt64(1))
    }
  }

  private func execute(_ index: Int) -> [UInt8] {
    message(3) {
      $0.text(2, "/usr/bin/python3.11")
      for word in ["python3", "-m", "agent", "--task", "\(index % 100)"] { $0.text(3, word) }
      $0.number(5, UInt64(0o100755))
    }
  }

  private func clone(_ index: Int) -> [UInt8] {
    message(2) {
      $0.number(3, UInt64(100 + index % 50))
      $0.number(4, UInt64(100 + index % 50))
      $0.number(5, MessageBuilder.time)
      $0.number(6, UInt64(17))
    }
  }

  private func message(_ kind: UInt16, _ fields: (inout MessageBuilder) -> Void) -> [UInt8] {
    MessageBuilder.make(kind, process: 7, name: "python3", container: container, fields)
  }
}
