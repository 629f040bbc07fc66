import ChildProcess
import Foundation
import Glibc

/// One run of wrk: what a fixed number of connections got, each with one request after the other.
struct LoadResult: Sendable {
  /// In milliseconds.
  var p50: Double
  var p99: Double
  /// Requests in a second.
  var rate: Double
  var requests: Int
  /// Socket errors, and answers that are neither 2xx nor 3xx.
  var failed: Int
}

/// Load on one URL.
struct LoadTest: Sendable {
  var name: String
  var url: String
  var headers: [String: String] = [:]
  /// A file in Lua that makes the requests.
  var script: String?

  private static let rounds = 5

  /// Measures the targets in turns, so that what else the machine does meets all of them.
  ///
  /// - Parameter seconds: of each round.
  /// - Throws: `BenchmarkFailure` when wrk is missing, or a request failed: a refusal is faster than an answer.
  static func compare(_ tests: [LoadTest], connections: Int, seconds: Int = 2) async throws -> [[LoadResult]] {
    // The first of each warms it up and is not counted.
    for test in tests { _ = try await test.run(connections: connections, seconds: 1) }
    var results = tests.map { _ in [LoadResult]() }
    for _ in 0..<rounds {
      for (place, test) in tests.enumerated() {
        let result = try await test.run(connections: connections, seconds: seconds)
        guard result.failed == 0 else {
          throw BenchmarkFailure("\(test.name): \(result.failed) of \(result.requests) requests failed")
        }
        results[place].append(result)
      }
    }
    return results
  }

  func run(connections: Int, seconds: Int) async throws -> LoadResult {
    guard let program = Command.locate("wrk") else {
      throw BenchmarkFailure("wrk is missing; install it with apt-get install wrk")
    }
    let options = ["--threads", "1", "--connections", "\(connections)", "--duration", "\(seconds)s", "--latency"]
    let text = try await Command(
      program,
      options + headers.sorted { $0.key < $1.key }.flatMap { ["--header", "\($0.key): \($0.value)"] }
        + (script.map { ["--script", $0] } ?? []) + [url]
    ).check(timeout: .seconds(seconds + 60))
    return try Self.result(text)
  }

  /// wrk's own text: "50%  123.45us", "1234 requests in 2.00s", "Non-2xx or 3xx responses: 5".
  private static func result(_ text: String) throws -> LoadResult {
    var (p50, p99, rate, requests, failed): (Double?, Double?, Double?, Int?, Int) = (nil, nil, nil, nil, 0)
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      switch words.first {
      case "50%": p50 = words.last.flatMap(milliseconds)
      case "99%": p99 = words.last.flatMap(milliseconds)
      case "Requests/sec:": rate = words.last.flatMap { Double($0) }
      case "Socket": failed += line.split { !$0.isNumber }.compactMap { Int($0) }.reduce(0, +)
      case "Non-2xx": failed += words.last.flatMap { Int($0) } ?? 0
      default: if words.count > 2, words[1] == "requests" { requests = Int(words[0]) }
      }
    }
    guard let p50, let p99, let rate, let requests else { throw BenchmarkFailure("wrk says: \(text.suffix(300))") }
    return LoadResult(p50: p50, p99: p99, rate: rate, requests: requests, failed: failed)
  }

  private static func milliseconds(_ text: Substring) -> Double? {
    for (unit, factor) in [("us", 1e-3), ("ms", 1), ("s", 1e3), ("m", 6e4)] where text.hasSuffix(unit) {
      return Double(text.dropLast(unit.count)).map { $0 * factor }
    }
    return nil
  }
}

extension Row {
  /// Ours under load against a peer's; each figure is the median of the rounds, with the range of the rounds' medians.
  static func load(
    _ what: String, _ ours: [LoadResult], _ peerName: String, _ peer: [LoadResult], goal: String = ""
  ) -> Row {
    func ratio(_ value: (LoadResult) -> Double) -> Double { median(ours.map(value)) / median(peer.map(value)) }
    return Row(
      what: what, figure: text(ours), peer: "\(peerName): \(text(peer))",
      ratio: String(
        format: "%.2f / %.2f, %.2f of the rate, p50 %+.2f ms", ratio(\.p50), ratio(\.p99), ratio(\.rate),
        median(ours.map(\.p50)) - median(peer.map(\.p50))), goal: goal)
  }

  static func text(_ results: [LoadResult]) -> String {
    let medians = results.map(\.p50)
    let range =
      results.count == 1 ? "" : String(format: " (%.3f to %.3f)", medians.min() ?? .nan, medians.max() ?? .nan)
    return String(
      format: "p50 %.3f ms%@, p99 %.2f ms, %.0f/s", median(medians), range, median(results.map(\.p99)),
      median(results.map(\.rate)))
  }
}

func median(_ values: [Double]) -> Double { Samples(values).p50 }

/// A TCP port of the loopback address that nobody has: not one of those that clients are given.
func freePort() throws -> UInt16 {
  for _ in 0..<100 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let port = UInt16.random(in: 20000..<32000)
    address.sin_port = port.bigEndian
    let isFree = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    if isFree { return port }
  }
  throw BenchmarkFailure("no port is free")
}
