extension VerificationReport {
  /// The report as JUnit XML, the dialect that CI systems read: FAILED is a failure, NOT TESTABLE an error, WAIVED
  /// is skipped.
  package var junit: String {
    let total = checks.reduce(0) { $0 + $1.durationMs }
    var lines = [
      #"<?xml version="1.0" encoding="UTF-8"?>"#,
      #"<testsuites name="lobstack verify" tests="\#(checks.count)" failures="\#(summary.failed)" "#
        + #"errors="\#(summary.notTestable)" skipped="\#(summary.waived)" time="\#(seconds(total))">"#,
    ]
    for layer in layers {
      let members = checks.filter { $0.layer == layer }
      func count(_ verdict: Verdict) -> Int { members.count { $0.verdict == verdict } }
      lines.append(
        #"  <testsuite name="\#(escaped(layer))" tests="\#(members.count)" failures="\#(count(.failed))" "#
          + #"errors="\#(count(.notTestable))" skipped="\#(count(.waived))">"#)
      lines += members.map(testCase)
      lines.append("  </testsuite>")
    }
    lines.append("</testsuites>")
    return lines.joined(separator: "\n") + "\n"
  }

  /// The layers in the order in which the checks name them.
  private var layers: [String] {
    var seen: [String] = []
    for check in checks where !seen.contains(check.layer) { seen.append(check.layer) }
    return seen
  }

  private func testCase(_ check: CheckReport) -> String {
    let head =
      #"    <testcase classname="lobstack.\#(escaped(check.layer))" name="\#(escaped("\(check.id) \(check.title)"))" "#
      + #"time="\#(seconds(check.durationMs))">"#
    let evidence = escaped(check.evidence.joined(separator: "\n"))
    let reason = escaped(check.evidence.first ?? "no evidence")
    let outcome =
      switch check.verdict {
      case .proven: ""
      case .failed: #"<failure message="\#(reason)" type="FAILED">\#(evidence)</failure>"#
      case .notTestable: #"<error message="\#(reason)" type="NOT TESTABLE">\#(evidence)</error>"#
      case .waived: #"<skipped message="\#(reason)"/>"#
      }
    return head + outcome + "<system-out>\(evidence)</system-out></testcase>"
  }
}

private func seconds(_ milliseconds: Int) -> String {
  let thousandths = String(milliseconds % 1000)
  return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - thousandths.count) + thousandths
}

/// Text for an attribute or an element: the five special characters escaped, what XML 1.0 §2.2 forbids replaced.
private func escaped(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    case "'": result += "&apos;"
    case "\n": result += "&#10;"
    case "\t", "\r": result += " "
    case "\u{0}"..."\u{1f}", "\u{fffe}", "\u{ffff}": result += "\u{fffd}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}
