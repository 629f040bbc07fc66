/// What one check of the machine found.
package struct Finding: Hashable, Sendable, Codable {
  package enum Level: String, Sendable, Codable {
    case ok, warn, fail
  }

  package var check: String
  package var level: Level
  /// What was found, with the value that was seen.
  package var detail: String
  /// One imperative sentence; `nil` when nothing is to be done.
  package var remedy: String?

  static func ok(_ check: String, _ detail: String) -> Finding {
    Finding(check: check, level: .ok, detail: detail, remedy: nil)
  }

  static func warn(_ check: String, _ detail: String, remedy: String) -> Finding {
    Finding(check: check, level: .warn, detail: detail, remedy: remedy)
  }

  static func fail(_ check: String, _ detail: String, remedy: String) -> Finding {
    Finding(check: check, level: .fail, detail: detail, remedy: remedy)
  }
}
