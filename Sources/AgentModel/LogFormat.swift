/// How the platform's own processes write their logs.
package enum LogFormat: String, Sendable, CaseIterable {
  /// For people.
  case text
  /// A line of JSON for each record.
  case json
}
