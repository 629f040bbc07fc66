import Manifests

/// The result as `falco -V` tells it.
extension LoadResult {
  /// For people: each problem with its place, and the text there.
  ///
  /// - Parameter texts: of all files that were loaded, by name: a file may raise problems of earlier ones.
  package func report(_ texts: [String: String]) -> String {
    var lines = ["\(file): \(isSuccessful ? warnings.isEmpty ? "Ok" : "Ok, with warnings" : "Invalid")\n"]
    if !errors.isEmpty { lines.append("\(errors.count) Errors:\n") }
    for error in errors {
      lines.append(Self.problem(error.context, texts, "\(error.code.rawValue) (\(error.code.title)): \(error.message)"))
    }
    if !warnings.isEmpty { lines.append("\(warnings.count) Warnings:\n") }
    for warning in warnings {
      let field = warning.deprecatedField.map { ": field '\($0)'" } ?? ""
      lines.append(
        Self.problem(
          warning.context, texts, "\(warning.code.rawValue) (\(warning.code.title)\(field)): \(warning.message)"))
    }
    if untoldWarnings > 0 { lines.append("and \(untoldWarnings) more warnings\n") }
    return lines.joined()
  }

  private static func problem(_ context: LoadContext, _ texts: [String: String], _ message: String) -> String {
    "\(context)------\n\(context.snippet(in: texts))------\n\(message)\n"
  }

  /// For programs: an element of `falco_load_results`.
  package struct Report: Encodable, Sendable {
    var name: String
    var successful: Bool
    var errors: [ReportedProblem]
    var warnings: [ReportedProblem]
  }

  package struct ReportedProblem: Encodable, Sendable {
    var code: String
    var codedesc: String
    var message: String
    var context: ReportedContext
    var deprecated_field: String?
  }

  package struct ReportedContext: Encodable, Sendable {
    var locations: [ReportedLocation]
    var snippet: String
  }

  package struct ReportedLocation: Encodable, Sendable {
    var item_type: String
    var item_name: String
    var position: ReportedPosition
  }

  package struct ReportedPosition: Encodable, Sendable {
    var name: String
    var line: Int
    var column: Int
    var offset: Int
  }

  ///
  /// - Parameter texts: of all files that were loaded, by name.
  package func jsonReport(_ texts: [String: String]) -> Report {
    Report(
      name: file, successful: isSuccessful,
      errors: errors.map {
        ReportedProblem(
          code: $0.code.rawValue, codedesc: $0.code.title, message: $0.message,
          context: ReportedContext($0.context, texts))
      },
      warnings: warnings.map {
        ReportedProblem(
          code: $0.code.rawValue, codedesc: $0.code.title, message: $0.message,
          context: ReportedContext($0.context, texts), deprecated_field: $0.deprecatedField)
      })
  }

  /// The result for a file that could not be read.
  package static func unreadable(_ file: String, reason: String) -> LoadResult {
    var result = LoadResult(file: file)
    result.add(RuleError(.fileRead, reason, LoadContext(file: file)))
    return result
  }
}

extension LoadResult.ReportedContext {
  fileprivate init(_ context: LoadContext, _ texts: [String: String]) {
    self.init(
      locations: context.locations.map {
        LoadResult.ReportedLocation(
          item_type: $0.item.rawValue, item_name: $0.itemName,
          position: LoadResult.ReportedPosition(
            name: $0.name, line: $0.mark.line, column: $0.mark.column, offset: $0.mark.offset))
      },
      snippet: context.snippet(in: texts))
  }
}
