import APIModel
import ArgumentParser
import Detection
import Faults
import Foundation
import GuestTrace
import Sentinel

struct RulesCheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Tell whether Falco would load rules files, and what it would say.",
    discussion: """
      Files are loaded one after the other: later ones may change what earlier ones define. Exit code 1 when one is \
      refused. Warnings do not matter for it. With --condition only the grammar of one condition is judged: macros, \
      lists and fields need not exist.
      """)

  @Argument(help: "Rules files, or directories of them.", completion: .file(extensions: ["yaml", "yml"]))
  var files: [String] = []

  @Option(help: ArgumentHelp("A condition to judge instead.", valueName: "text"))
  var condition: String?

  @OptionGroup var format: OutputOptions

  func validate() throws {
    guard files.isEmpty != (condition == nil) else {
      throw ValidationError("give either rules files or --condition")
    }
  }

  func run() async throws {
    if let condition { return try judge(condition) }
    var loader = RuleLoader()
    var results: [LoadResult] = []
    var texts: [String: String] = [:]
    for path in try files.flatMap(RuleDirectory.files) {
      do {
        let text = try RuleFiles.read(path)
        texts[path] = text
        results.append(loader.load(text, file: path))
      } catch let fault as Fault {
        results.append(LoadResult.unreadable(path, reason: fault.reason))
      }
    }
    let blind = BlindRules(loader.compiled())
    let report = Report(
      falco_load_results: results.map { $0.jsonReport(texts) }, unsupportedFields: blind.fields,
      silentRules: blind.silentRules)
    try format.print(report) {
      (results.map { $0.report(texts) } + [blind.description]).joined().trimmingCharacters(in: .newlines)
    }
    if results.contains(where: { !$0.isSuccessful }) { throw Degraded(code: 1) }
  }

  private struct Report: Encodable {
    var falco_load_results: [LoadResult.Report]
    var unsupportedFields: [String: [String]]
    var silentRules: [String]
  }

  fileprivate struct Judgement: Encodable {
    var valid: Bool
    /// The condition in one fixed form.
    var expression: String?
    var message: String?
    var line: Int?
    var column: Int?
  }

  private func judge(_ condition: String) throws {
    let judgement = Judgement(condition)
    guard judgement.valid || format.output != .table else {
      // As other errors: on standard error, so that the output stays clean.
      tell("error: line \(judgement.line ?? 0), column \(judgement.column ?? 0): \(judgement.message ?? "")")
      throw Degraded(code: 1)
    }
    try format.print(judgement) { "ok: \(judgement.expression ?? "")" }
    if !judgement.valid { throw Degraded(code: 1) }
  }
}

extension RulesCheckCommand.Judgement {
  fileprivate init(_ condition: String) {
    do throws(ConditionSyntaxError) {
      self.init(valid: true, expression: try ConditionParser.parse(condition).description)
    } catch {
      self.init(valid: false, message: error.message, line: error.position.line, column: error.position.column)
    }
  }
}

/// What rules ask for that gVisor's trace cannot tell, so that nobody takes their silence for peace.
struct BlindRules: CustomStringConvertible {
  /// The rules that use it, by field.
  let fields: [String: [String]]
  /// Rules about calls that are never told.
  let silentRules: [String]

  init(_ rules: CompiledRules) {
    var users: [String: [String]] = [:]
    for (index, field) in rules.fields.enumerated() where GuestField(field) == nil {
      users[field.name] = rules.rulesUsing(field: index)
    }
    fields = users
    silentRules = rules.rules.filter { rule in
      rule.isEnabled && !TracePoints.eventTypes.contains(where: rule.eventTypes.contains)
    }.map(\.name)
  }

  var description: String {
    var text = ""
    if !fields.isEmpty {
      let lines = fields.sorted { $0.key < $1.key }.map { "  \($0.key): \($0.value.joined(separator: ", "))\n" }
      text += "\nFields that gVisor cannot give; what compares them is never true:\n" + lines.joined()
    }
    if !silentRules.isEmpty {
      text += "\nRules about calls that sandboxes do not tell:\n" + silentRules.map { "  \($0)\n" }.joined()
    }
    return text
  }
}
