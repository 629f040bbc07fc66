import Faults
import Foundation
import Rego
import SeededRandom
import Testing

@testable import Admission

/// Policies and objects from a fuzzer: refused or evaluated, in bounded time, and never the end of the process.
@Suite("Policies from a fuzzer", .timeLimit(.minutes(10))) struct FuzzTests {
  private static let words: [String] = [
    "{", "}", "[", "]", ": ", "- ", "\n", "  ", "|", "\"", "'", "#", "&a ", "*a", "!!int ", "rego", "0x1F", "1e9999",
    "é",
    "kind", "violation", ":=", "not ", "some ", "..", "-0", "9223372036854775808", "null", "~", "%", "\u{2028}",
    "0.01e-9223372036854775808",
  ]

  private static func taken(_ files: [PolicyFile]) -> Result<PolicySet, BrokenPolicies> {
    do throws(BrokenPolicies) { return .success(try PolicySet(files)) } catch { return .failure(error) }
  }

  @Test("are refused with reasons, or evaluated") func fuzz() throws {
    let files = try PolicyDirectory.read(ShippedPolicyTests.directory)
    let names = files.filter { $0.path.contains("/templates/") }.map { URL(filePath: $0.path).lastPathComponent }
    let agent = Array(try PolicyDirectory.text(of: "\(ShippedPolicyTests.directory)/suites/samples/agent.yaml").utf8)
    let words = Self.words.map { Array($0.utf8) }
    var run = FuzzRun("policies")
    var (whole, broken, reviewed) = (0, 0, 0)
    while run.goesOn {
      // A template with its constraint, one or both of them changed.
      let name = names[Int.random(in: 0..<names.count, using: &run.random)]
      let pair = files.filter { $0.path.hasSuffix("/\(name)") }.map { file in
        guard Bool.random(using: &run.random) else { return file }
        let bytes = run.random.mutate(Array(file.text.utf8), words: words)
        return PolicyFile(path: file.path, text: String(decoding: bytes, as: UTF8.self))
      }
      let taken = Self.taken(pair)
      guard case .success(let policies) = taken else {
        if case .failure(let error) = taken {
          #expect(error.faults.allSatisfy { !$0.reason.isEmpty && !$0.remedy.isEmpty })
        }
        broken += 1
        continue
      }
      whole += 1
      for _ in 0..<3 {
        let text = String(decoding: run.random.mutate(agent, words: words), as: UTF8.self)
        guard let object = try? ObjectText.parse(text, source: "object").first,
          let review = try? Review.of(object.value)
        else { continue }
        _ = policies.review(review, at: .validation, time: .milliseconds(500), now: 0)
        reviewed += 1
      }
    }
    #expect(whole > 0 && broken > 0 && reviewed > 0, "\(whole) whole, \(broken) broken, \(reviewed) reviewed")
  }
}
