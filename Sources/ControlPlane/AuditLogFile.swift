import APIModel
import Faults

enum AuditLogFile {
  static func open(directory: String) async throws -> any AuditAppending {
    throw Fault(.unsupported, operation: "open \(directory)", reason: "no audit file yet", remedy: "merge")
  }
}
