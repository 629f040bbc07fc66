import Faults
import NIOHTTP1

/// A request to the API, before it is known who makes it.
struct APIRequest: Sendable {
  var method: HTTPMethod
  /// With a slash at its start, percent-encoded.
  var path: String
  var query: [(String, String)] = []
  var body: [UInt8]?
  var mediaType = "application/json"
  /// For faults.
  var operation: String
  /// What it is about; `nil` for a path of no type.
  var type: ResourceType?
  /// Whether an answer that is no JSON is another's.
  var answersJSON: Bool
  /// Whether doing it twice is the same as doing it once.
  var isIdempotent: Bool

  init(
    _ method: HTTPMethod, _ path: ResourcePath, query: [(String, String)] = [], body: [UInt8]? = nil,
    mediaType: String = "application/json", verb: String, isIdempotent: Bool
  ) throws {
    self.method = method
    self.path = try path.text()
    self.query = query
    self.body = body
    self.mediaType = mediaType
    operation = "\(verb) \(path.label)"
    type = path.type
    answersJSON = true
    self.isIdempotent = isIdempotent
  }

  /// A reading of a path of no type.
  init(reading path: String) {
    method = .GET
    self.path = path
    operation = "read \(path)"
    answersJSON = false
    isIdempotent = true
  }

  var target: String {
    query.isEmpty ? path : "\(path)?" + query.map { "\($0.0)=\(percentEncoded($0.1))" }.joined(separator: "&")
  }
}

/// How a change is made.
package struct WriteOptions: Hashable, Sendable {
  /// What becomes of fields that the type does not have, or that are given twice.
  package enum Validation: String, Hashable, Sendable {
    case strict = "Strict"
    case warn = "Warn"
    case ignore = "Ignore"
  }

  /// Everything but the change: admission too.
  package var isDryRun: Bool
  package var validation: Validation

  package init(isDryRun: Bool = false, validation: Validation = .strict) {
    self.isDryRun = isDryRun
    self.validation = validation
  }

  func query(manager: String) -> [(String, String)] {
    [("fieldManager", manager), ("fieldValidation", validation.rawValue)] + (isDryRun ? [("dryRun", "All")] : [])
  }
}
