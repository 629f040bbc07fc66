import Detection
import SeededRandom
import Testing

@testable import GuestTrace

@Suite("An address that a program passes")
struct SocketAddressTests {
  /// As it is printed, with `4` or `6` before it for addresses, `u` for paths and `o` for others.
  private func text(_ bytes: [UInt8]) -> String? {
    bytes.withUnsafeBytes { bytes -> String? in
      guard let address = SocketAddress(bytes) else { return nil }
      switch address {
      case .ip(let address, let port): return "\(address.isV6 ? 6 : 4) \(address) \(port)"
      case .unix(let path): return "u \(String(decoding: path, as: UTF8.self))"
      case .other(let family): return "o \(family)"
      }
    }
  }

  private static func v6(_ address: [UInt8]) -> [UInt8] { [10, 0, 0x1f, 0x90, 0, 0, 0, 0] + address + [0, 0, 0, 0] }

  @Test(
    "is what Linux takes it for",
    arguments: [
      ([2, 0, 0x01, 0xbb, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], "4 10.0.0.1 443"),
      ([2, 0, 0, 53, 8, 8, 8, 8], "4 8.8.8.8 53"), ([2, 0, 0xff, 0xff, 255, 255, 255, 255], "4 255.255.255.255 65535"),
      (v6([0x20, 1, 0xd, 0xb8] + [UInt8](repeating: 0, count: 11) + [1]), "6 2001:db8::1 8080"),
      (v6([UInt8](repeating: 0, count: 15) + [1]), "6 ::1 8080"), (v6([UInt8](repeating: 0, count: 16)), "6 :: 8080"),
      // What is mapped goes where the mapped address goes, and only that.
      (v6([UInt8](repeating: 0, count: 10) + [0xff, 0xff, 169, 254, 169, 254]), "4 169.254.169.254 8080"),
      (v6([UInt8](repeating: 0, count: 10) + [0xff, 0xff, 0, 0, 0, 0]), "4 0.0.0.0 8080"),
      (v6([UInt8](repeating: 0, count: 9) + [1, 0xff, 0xff, 1, 2, 3, 4]), "6 ::1:ffff:102:304 8080"),
      (v6([1] + [UInt8](repeating: 0, count: 9) + [0xff, 0xff, 1, 2, 3, 4]), "6 100::ffff:102:304 8080"),
      (Array("\u{1}\u{0}/run/x.sock".utf8), "u /run/x.sock"), (Array("\u{1}\u{0}/a\u{0}/b".utf8), "u /a"),
      (Array("\u{1}\u{0}\u{0}abstract\u{0}x".utf8), "u \u{0}abstract\u{0}x"), ([1, 0], "u "), ([1, 0, 0], "u \u{0}"),
      ([16, 0, 0, 0, 0, 0, 0, 0], "o 16"), ([0, 0], "o 0"), ([0xff, 0xff], "o 65535"),
      // Shorter than the family's.
      ([2, 0], "o 2"), ([2, 0, 0, 53, 8, 8, 8], "o 2"), ([10, 0] + [UInt8](repeating: 0, count: 21), "o 10"),
      ([2], nil), ([], nil),
    ] as [([UInt8], String?)])
  func read(bytes: [UInt8], expected: String?) { #expect(text(bytes) == expected) }

  @Test("of any bytes is one, or none") func random() {
    var random = SplitMix64(seed: 3)
    for _ in 0..<5_000 {
      var bytes = (0..<Int.random(in: 0...130, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      if bytes.count >= 2, let family = [1, 2, 10, 16, 17].randomElement(using: &random) {
        (bytes[0], bytes[1]) = (UInt8(family), 0)
      }
      #expect((text(bytes) == nil) == (bytes.count < 2))
    }
  }
}
