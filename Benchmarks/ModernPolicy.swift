import Admission
import Foundation

/// The Rego of a template and its libraries, in the words of version 1: that is all that its peers read.
struct ModernPolicy {
  /// That of its file, without its ending.
  var name: String
  /// The path of the rule that is asked, from `data` on.
  var rule: String
  var modules: [(name: String, text: String)]

  /// - Parameter files: those of constraints are left out.
  static func all(in files: [PolicyFile]) -> [ModernPolicy] {
    var policies: [ModernPolicy] = []
    for file in files where file.text.contains("kind: ConstraintTemplate") {
      // Each template has libraries of its own.
      let own = "lib\(policies.count)"
      let texts = regoTexts(file.text).map {
        modern($0).replacing("package lib.", with: "package \(own).").replacing("data.lib.", with: "data.\(own).")
      }
      let package = texts.first?.split(separator: "\n").first { $0.hasPrefix("package ") }?.dropFirst(8) ?? ""
      policies.append(
        ModernPolicy(
          name: String((file.path as NSString).lastPathComponent.dropLast(".yaml".count)),
          rule: "\(package).violation", modules: texts.enumerated().map { ("\(own)-\($0.offset)", $0.element) }))
    }
    return policies
  }

  /// The blocks of text below `rego:` and `libs:`.
  private static func regoTexts(_ template: String) -> [String] {
    var texts: [String] = []
    var indent: Int?
    for line in template.split(separator: "\n", omittingEmptySubsequences: false) {
      let depth = line.prefix { $0 == " " }.count
      if let own = indent, line.isEmpty || depth >= own {
        texts[texts.count - 1] += String(line.dropFirst(own)) + "\n"
      } else if line.hasSuffix(": |") || line.hasSuffix("- |") {
        texts.append("")
        indent = depth + 2
      } else {
        indent = nil
      }
    }
    return texts.filter { $0.contains("package ") }
  }

  /// Rego of version 0 in the words of version 1, as far as heads go.
  private static func modern(_ text: String) -> String {
    var lines: [String] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      let isHead = !line.hasPrefix(" ") && line.hasSuffix("{") && !line.hasSuffix("= {")
      if line.hasPrefix("package ") {
        lines.append(line)
      } else if isHead, let found = line.wholeMatch(of: #/(\w+)\[(.+)\] \{/#) {
        lines.append("\(found.1) contains \(found.2) if {")
      } else if isHead, line.hasPrefix("}") {
        lines.append(line.replacing(#/ = (.+) \{/#) { " := \($0.1) if {" }.replacing("} else {", with: "} else if {"))
      } else if isHead {
        let head = String(line.dropLast(2))
        lines.append((head.replacing(#/^(\w+(?:\(.*\))?) = /#) { "\($0.1) := " }) + " if {")
      } else {
        lines.append(line)
      }
    }
    return lines.joined(separator: "\n")
  }
}
