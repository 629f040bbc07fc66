/// What came of loading rules: problems in the words and by the codes of Falco's loader, so that they can be searched
/// for and read by tools for Falco.
package struct LoadResult: Hashable, Sendable {
  package enum ErrorCode: String, Hashable, Sendable {
    case fileRead = "LOAD_ERR_FILE_READ"
    case yamlParse = "LOAD_ERR_YAML_PARSE"
    case yamlValidate = "LOAD_ERR_YAML_VALIDATE"
    case compileCondition = "LOAD_ERR_COMPILE_CONDITION"
    case compileOutput = "LOAD_ERR_COMPILE_OUTPUT"
    case validate = "LOAD_ERR_VALIDATE"

    package var title: String {
      switch self {
      case .fileRead: "File read error"
      case .yamlParse: "YAML parse error"
      case .yamlValidate: "Error validating internal structure of YAML file"
      case .compileCondition: "Error compiling condition"
      case .compileOutput: "Error compiling output"
      case .validate: "Error validating rule/macro/list/exception objects"
      }
    }
  }

  /// In the order in which warnings of one condition are told.
  package enum WarningCode: String, Hashable, Sendable {
    case unknownSource = "LOAD_UNKNOWN_SOURCE"
    case noEventType = "LOAD_NO_EVTTYPE"
    case unknownFilter = "LOAD_UNKNOWN_FILTER"
    case unusedMacro = "LOAD_UNUSED_MACRO"
    case unusedList = "LOAD_UNUSED_LIST"
    case unknownItem = "LOAD_UNKNOWN_ITEM"
    case deprecatedItem = "LOAD_DEPRECATED_ITEM"
    case appendNoValues = "LOAD_APPEND_NO_VALUES"
    case exceptionNameNotUnique = "LOAD_EXCEPTION_NAME_NOT_UNIQUE"
    case invalidMacroName = "LOAD_INVALID_MACRO_NAME"
    case invalidListName = "LOAD_INVALID_LIST_NAME"
    case compileCondition = "LOAD_COMPILE_CONDITION"
    case unknownKey = "LOAD_UNKNOWN_KEY"

    package var title: String {
      switch self {
      case .unknownSource: "Unknown event source"
      case .noEventType: "Condition has no event-type restriction"
      case .unknownFilter: "Unknown field or event-type in condition or output"
      case .unusedMacro: "Unused macro"
      case .unusedList: "Unused list"
      case .unknownItem: "Unknown rules file item"
      case .deprecatedItem: "Used deprecated item"
      case .appendNoValues: "Overriding/appending with no values"
      case .exceptionNameNotUnique: "Multiple exceptions defined with the same name"
      case .invalidMacroName: "Invalid macro name"
      case .invalidListName: "Invalid list name"
      case .compileCondition: "Warning in rule condition"
      case .unknownKey: "Unknown key in item definition"
      }
    }
  }

  package struct Problem<Code: Hashable & Sendable>: Hashable, Sendable {
    package var code: Code
    package var message: String
    package var context: LoadContext
    /// The field that Falco has no more values for, where that is the problem.
    package var deprecatedField: String?
  }

  /// Warnings past so many are only counted.
  package static let mostWarnings = 10_000

  package let file: String
  /// At most one: loading ends at the first.
  package private(set) var errors: [Problem<ErrorCode>] = []
  package private(set) var warnings: [Problem<WarningCode>] = []
  package private(set) var untoldWarnings = 0

  package init(file: String) { self.file = file }

  package var isSuccessful: Bool { errors.isEmpty }

  mutating func add(_ error: RuleError) {
    errors.append(Problem(code: error.code, message: error.message, context: error.context))
  }

  mutating func warn(
    _ code: WarningCode, _ message: String, _ context: LoadContext, deprecatedField: String? = nil
  ) {
    guard warnings.count < Self.mostWarnings else {
      untoldWarnings += 1
      return
    }
    warnings.append(
      Problem(code: code, message: message, context: context, deprecatedField: deprecatedField))
  }
}

/// What ends the loading of rules.
struct RuleError: Error {
  var code: LoadResult.ErrorCode
  var message: String
  var context: LoadContext

  init(_ code: LoadResult.ErrorCode, _ message: String, _ context: LoadContext) {
    (self.code, self.message, self.context) = (code, message, context)
  }
}
