import Detection
import Foundation
import GuestTrace
import Sentinel

/// The detection engine alone, on one processor: messages to events, and events matched against more and more rules.
enum EngineBenchmark {
  private static let messages = 20_000
  private static let rounds = 15

  static func run() async throws -> [Row] {
    let directory = "\(FileManager.default.currentDirectoryPath)/policy/falco"
    let files = try RuleDirectory.files(in: directory).map {
      (name: $0, text: try String(contentsOfFile: $0, encoding: .utf8))
    }
    let mix = TraceMessages(container: "bench.0123456789abcdef").mix(messages)
    let decode = try measure(mix, rules: nil)
    var rows = [
      Row(
        what: "events, decoding alone", figure: text(decode),
        goal: "")
    ]
    for count in [1, 7, 25, 46, 92] {
      let both = try measure(mix, rules: try rules(files, count))
      rows.append(
        Row(
          what: "events, decoded and matched, \(count) rules", figure: text(both),
          peer: "decoding alone: \(text(decode))",
          ratio: String(format: "%.2f", both / decode), goal: count >= 80 ? "match alone 2,000,000/s" : ""))
      let match = 1 / (1 / both - 1 / decode)
      rows.append(Row(what: "events, match alone, \(count) rules (difference)", figure: text(match)))
    }
    return rows
  }

  private static func text(_ rate: Double) -> String { String(format: "%.0f/s", rate) }

  /// Events per second, the best of some rounds: others use the machine too.
  private static func measure(_ mix: [[UInt8]], rules: CompiledRules?) throws -> Double {
    let reader = GuestEventReader(hostName: "bench")
    if let rules { reader.bind(to: rules) }
    let matcher = rules.map { Matcher($0, source: reader) }
    let sandbox = SandboxEvents(
      SandboxIdentity(
        container: "bench.0123456789abcdef", agent: "bench", tenant: "default", uid: "0123456789abcdef",
        tier: "starter", image: "oci:/bench:1", start: 1))
    var best = Double.infinity
    for _ in 0..<rounds {
      let start = ContinuousClock.now
      for message in mix {
        message.withUnsafeBytes { bytes in
          if reader.take(bytes, from: sandbox) == .event { _ = matcher?.match() }
        }
      }
      best = min(best, (ContinuousClock.now - start).inMilliseconds / 1000)
    }
    guard sandbox.malformed == 0 else { throw BenchmarkFailure("\(sandbox.malformed) messages are malformed") }
    return Double(mix.count) / best
  }

  /// The first of the rules that ship, in their order; those beyond are the same again under other names and with other
  /// words, so that nothing is shared with the first.
  private static func rules(_ files: [(name: String, text: String)], _ count: Int) throws -> CompiledRules {
    var (texts, left) = (files, count)
    if count > 46 { texts += files.map { ("again \($0.name)", renamed($0.text)) } }
    texts = texts.map { name, text in (name, enabling(text, &left)) }
    return try RuleDirectory.compile(texts)
  }

  /// Switches the rules off that are too many.
  private static func enabling(_ text: String, _ left: inout Int) -> String {
    var lines: [Substring] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      lines.append(line)
      guard line.hasPrefix("- rule: ") else { continue }
      left -= 1
      if left < 0 { lines.append("  enabled: false") }
    }
    return lines.joined(separator: "\n")
  }

  private static func renamed(_ text: String) -> String {
    var names: Set<Substring> = []
    for line in text.split(separator: "\n") {
      for kind in ["- list: ", "- macro: "] where line.hasPrefix(kind) { names.insert(line.dropFirst(kind.count)) }
    }
    var result = text.replacingOccurrences(of: "- rule: ", with: "- rule: Again ")
    for name in names {
      result = result.replacingOccurrences(
        of: "\\b\(name)\\b", with: "\(name)_again", options: .regularExpression)
    }
    // A bare word of a list gets another end; what names events and numbers stays.
    return result.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      guard line.hasPrefix("  items: [") else { return String(line) }
      return line.replacingOccurrences(
        of: "(\\[|, )([a-z][A-Za-z0-9_.-]+)(?=[,\\]])", with: "$1$2-again", options: .regularExpression)
    }.joined(separator: "\n")
  }
}
