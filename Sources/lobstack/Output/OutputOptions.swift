import APIModel
import ArgumentParser
import Foundation
import Manifests

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case table, json, yaml
}

/// How a command prints its result: `-o table|json|yaml`.
struct OutputOptions: ParsableArguments {
  @Option(name: .shortAndLong, help: "Form of the output: table, json or yaml.")
  var output = OutputFormat.table

  /// Prints `value` in the chosen form; `table` makes the form for people.
  func print(_ value: some Encodable, table: () -> String) throws {
    switch output {
    case .table: Swift.print(table())
    case .json: Swift.print(String(decoding: try APIJSON.encode(value, pretty: true), as: UTF8.self))
    case .yaml: Swift.print(try YAMLText(json: APIJSON.encode(value)).description, terminator: "")
    }
  }
}

/// Tells how far a command is, on standard error, so that the output stays clean.
func tell(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

extension Date {
  /// `2026-01-31 12:00:00`, UTC.
  var short: String {
    formatted(
      Date.ISO8601FormatStyle().year().month().day().dateTimeSeparator(.space).time(includingFractionalSeconds: false))
  }

  /// How long ago, as one number: `5s`, `12m`, `3h`, `9d`.
  var age: String {
    let seconds = max(0, Int(-timeIntervalSinceNow))
    return switch seconds {
    case ..<120: "\(seconds)s"
    case ..<7_200: "\(seconds / 60)m"
    case ..<172_800: "\(seconds / 3_600)h"
    default: "\(seconds / 86_400)d"
    }
  }
}
