/// Results of tests as JUnit XML, the dialect that CI systems read.
package struct JUnitReport: Sendable {
  package enum Outcome: Sendable {
    case passed
    /// - type: what kind of failure it is, in a word.
    case failed(String, type: String)
    /// It could not be tested.
    case error(String, type: String)
    case skipped(String)
  }

  package struct Case: Sendable {
    package var className: String
    package var name: String
    package var milliseconds: Int
    package var outcome: Outcome
    package var output: String

    package init(className: String, name: String, milliseconds: Int = 0, outcome: Outcome, output: String = "") {
      self.className = className
      self.name = name
      self.milliseconds = milliseconds
      self.outcome = outcome
      self.output = output
    }
  }

  private let name: String
  private let suites: [(name: String, cases: [Case])]

  package init(name: String, suites: [(name: String, cases: [Case])]) { (self.name, self.suites) = (name, suites) }

  package var text: String {
    let total = suites.flatMap(\.cases)
    var lines = [
      #"<?xml version="1.0" encoding="UTF-8"?>"#,
      #"<testsuites name="\#(escaped(name))" \#(Self.counts(total)) "#
        + #"time="\#(seconds(total.reduce(0) { $0 + $1.milliseconds }))">"#,
    ]
    for (name, cases) in suites {
      lines.append(#"  <testsuite name="\#(escaped(name))" \#(Self.counts(cases))>"#)
      lines += cases.map(Self.line)
      lines.append("  </testsuite>")
    }
    lines.append("</testsuites>")
    return lines.joined(separator: "\n") + "\n"
  }

  private static func counts(_ cases: [Case]) -> String {
    var (failures, errors, skipped) = (0, 0, 0)
    for own in cases {
      switch own.outcome {
      case .passed: break
      case .failed: failures += 1
      case .error: errors += 1
      case .skipped: skipped += 1
      }
    }
    return #"tests="\#(cases.count)" failures="\#(failures)" errors="\#(errors)" skipped="\#(skipped)""#
  }

  private static func line(_ own: Case) -> String {
    let head =
      #"    <testcase classname="\#(escaped(own.className))" name="\#(escaped(own.name))" "#
      + #"time="\#(seconds(own.milliseconds))">"#
    let output = escaped(own.output)
    let outcome =
      switch own.outcome {
      case .passed: ""
      case .failed(let reason, let type):
        #"<failure message="\#(escaped(reason))" type="\#(escaped(type))">\#(output)</failure>"#
      case .error(let reason, let type):
        #"<error message="\#(escaped(reason))" type="\#(escaped(type))">\#(output)</error>"#
      case .skipped(let reason): #"<skipped message="\#(escaped(reason))"/>"#
      }
    return head + outcome + "<system-out>\(output)</system-out></testcase>"
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
