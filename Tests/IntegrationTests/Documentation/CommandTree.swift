import Foundation

/// The program's commands with their options, as it tells them itself.
struct CommandTree: Decodable {
  struct Command: Decodable {
    var commandName: String
    var abstract: String?
    var shouldDisplay: Bool
    var arguments: [Argument]?
    var subcommands: [Command]?
    /// The subcommand that is meant where none is named.
    var defaultSubcommand: String?

    var shown: [Command] {
      (subcommands ?? []).filter { $0.shouldDisplay && !$0.commandName.hasPrefix("_") && $0.commandName != "help" }
    }

    func command(_ name: String) -> Command? { subcommands?.first { $0.commandName == name } }

    /// Whether one of its options is written so: `--long`, `-s`.
    func has(_ option: String) -> Bool {
      (arguments ?? []).contains { ($0.names ?? []).contains { $0.text == option } }
    }
  }

  struct Argument: Decodable {
    struct Name: Decodable {
      var kind: String
      var name: String
      var text: String { (kind == "long" ? "--" : "-") + name }
    }

    var kind: String
    var names: [Name]?
    var valueName: String?
    var abstract: String?
    var defaultValue: String?
    var isOptional: Bool
    var isRepeating: Bool
    var shouldDisplay: Bool
  }

  var command: Command

  /// - Parameter dump: what `--experimental-dump-help` prints.
  init(dump: String) throws { self = try JSONDecoder().decode(CommandTree.self, from: Data(dump.utf8)) }
}

// MARK: As a page

extension CommandTree {
  /// The page `docs/reference/commands.md`.
  var page: String {
    """
    # Commands and options

    Every command with its arguments, as `lobstack help COMMAND` tells them. This page is made from the program:
    `UPDATE_REFERENCES=1 swift test --filter "The documented command line"` writes it anew. [Command line](cli.md) has
    what they are for, the exit codes and the variables.

    """ + command.shown.map { $0.section("lobstack") }.joined()
  }
}

extension CommandTree.Command {
  fileprivate func section(_ above: String) -> String {
    let path = "\(above) \(commandName)"
    guard shown.isEmpty else { return shown.map { $0.section(path) }.joined() }
    let rows = (arguments ?? []).filter { $0.shouldDisplay && $0.names?.contains { $0.name == "help" } != true }
      .map(\.row)
    let table = rows.isEmpty ? "" : "\n| argument | what |\n|---|---|\n" + rows.joined()
    return "\n## \(path)\n\n\(abstract ?? "")\n" + table
  }
}

extension CommandTree.Argument {
  fileprivate var row: String {
    let value = valueName.map { " <\($0)>" } ?? ""
    let text =
      switch kind {
      case "positional": "<\(valueName ?? "argument")>"
      case "flag": spelled
      default: spelled + value
      }
    let need = isOptional ? "" : "required; "
    let preset = defaultValue.map { " (default: \($0))" } ?? ""
    let more = isRepeating && abstract?.contains("repeat") != true ? " May be repeated." : ""
    return "| `\(text)` | \(need)\(Self.cell((abstract ?? "") + preset + more)) |\n"
  }

  private var spelled: String { (names ?? []).map(\.text).joined(separator: ", ") }

  private static func cell(_ text: String) -> String {
    text.replacing("|", with: "\\|").replacing("<", with: "&lt;").replacing("\n", with: " ")
  }
}
