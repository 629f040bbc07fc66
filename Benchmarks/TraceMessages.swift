/// Messages of gVisor's trace protocol, as a sandbox sends them (pkg/sentry/seccheck/points of gVisor).
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
      $0.message(1, context(index))
      $0.message(2) { $0.number(1, 3) }
      $0.number(3, 257)
      $0.number(4, UInt64(bitPattern: -100))
      $0.text(6, Self.paths[index % Self.paths.count])
      $0.number(7, 0o2000000)
    }
  }

  private func close(_ index: Int) -> [UInt8] {
    message(8) {
      $0.message(1, context(index))
      $0.message(2) { _ in }
      $0.number(3, 3)
      $0.number(4, 3)
    }
  }

  private func connect(_ index: Int) -> [UInt8] {
    message(10) {
      $0.message(1, context(index))
      $0.number(3, 42)
      $0.number(4, 5)
      $0.bytes(6, [2, 0, 1, 0xbb, 93, 184, 215, UInt8(index % 250)] + [UInt8](repeating: 0, count: 8))
    }
  }

  private func socket() -> [UInt8] {
    message(12) {
      $0.message(1, context(0))
      $0.message(2) { $0.number(1, 5) }
      $0.number(3, 41)
      $0.number(4, 2)
      $0.number(5, 1)
    }
  }

  private func execute(_ index: Int) -> [UInt8] {
    message(3) {
      $0.message(1, context(index))
      $0.text(2, "/usr/bin/python3.11")
      for word in ["python3", "-m", "agent", "--task", "\(index % 100)"] { $0.text(3, word) }
      $0.number(5, 0o100755)
    }
  }

  private func clone(_ index: Int) -> [UInt8] {
    message(2) {
      $0.message(1, context(0))
      $0.number(3, UInt64(100 + index % 50))
      $0.number(4, UInt64(100 + index % 50))
      $0.number(5, 1_800_000_000_000_000_000)
      $0.number(6, 17)
    }
  }

  private func context(_ index: Int) -> (inout Fields) -> Void {
    { fields in
      fields.number(1, 1_800_000_000_000_000_000 + UInt64(index))
      fields.number(2, 7)
      fields.number(4, 7)
      fields.text(6, container)
      fields.message(7) { fields in for field in 1...6 { fields.number(field, 10_001) } }
      fields.text(8, "/workspace")
      fields.text(9, "python3")
    }
  }

  private func message(_ type: UInt8, _ body: (inout Fields) -> Void) -> [UInt8] {
    var fields = Fields()
    body(&fields)
    return [8, 0, type, 0, 0, 0, 0, 0] + fields.bytes
  }

  /// Fields of a protocol buffer.
  struct Fields {
    private(set) var bytes: [UInt8] = []

    mutating func number(_ field: Int, _ value: UInt64) {
      variable(UInt64(field) << 3)
      variable(value)
    }

    mutating func text(_ field: Int, _ text: String) { bytes(field, Array(text.utf8)) }

    mutating func bytes(_ field: Int, _ value: [UInt8]) {
      variable(UInt64(field) << 3 | 2)
      variable(UInt64(value.count))
      bytes += value
    }

    mutating func message(_ field: Int, _ body: (inout Fields) -> Void) {
      var inner = Fields()
      body(&inner)
      bytes(field, inner.bytes)
    }

    private mutating func variable(_ value: UInt64) {
      var rest = value
      while rest >= 0x80 {
        bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
        rest >>= 7
      }
      bytes.append(UInt8(rest))
    }
  }
}
