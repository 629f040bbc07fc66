import JSONValues

/// Lines of JSON about requests and connections. Clients choose hosts and paths: what they choose is cut short, and no
/// query, header or body is written, since any of them may hold a secret.
package enum AccessLog {
  package static let longestHost = 253
  package static let longestPath = 256

  /// Fields of an HTTP request.
  package static let request: [String: JSON] = [
    "host": .string("%REQ(:AUTHORITY):\(longestHost)%"),
    "method": "%REQ(:METHOD):16%",
    "path": .string("%PATH(NQ:ORIG_OR_PATH):\(longestPath)%"),
    "code": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
  ]

  /// Fields of a TLS connection that is passed through.
  package static let connection: [String: JSON] = [
    "host": "%REQUESTED_SERVER_NAME%",
    "details": "%CONNECTION_TERMINATION_DETAILS%",
  ]

  /// Passes what Envoy itself answered with a failure, in place of a host: denials, limits, malformed requests,
  /// unreachable hosts. A client that left is none of them.
  package static let ownFailures: JSON = [
    "extension_filter": .extension(
      "envoy.access_loggers.extension_filters.cel",
      .typed(
        "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
        [
          "expression": """
          response.code_details != "via_upstream" && !response.code_details.startsWith("downstream_") \
          && (!has(response.code) || response.code >= 400)
          """
        ]))
  ]

  /// Passes connections that no filter chain takes, or that reach no host.
  package static let failedConnections: JSON = [
    "response_flag_filter": ["flags": ["NR", "UF", "UH", "UO", "NC", "DF", "DT"]]
  ]

  /// Stands for the standard output of Envoy instead of a file.
  package static let standardOutput = "-"

  /// A log file, or the standard output.
  ///
  /// - Parameters:
  ///   - kind: The value of each line's `kind`.
  ///   - filter: What is written; `nil` writes everything.
  package static func file(_ path: String, kind: String, fields: [String: JSON], filter: JSON? = nil) -> JSON {
    let common: [String: JSON] = [
      "time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%", "kind": .string(kind), "flags": "%RESPONSE_FLAGS%",
    ]
    let format: JSON = ["json_format": .object(common.merging(fields) { _, own in own })]
    let log =
      path == standardOutput
      ? JSON.extension(
        "envoy.access_loggers.stdout",
        .typed("envoy.extensions.access_loggers.stream.v3.StdoutAccessLog", ["log_format": format]))
      : JSON.extension(
        "envoy.access_loggers.file",
        .typed(
          "envoy.extensions.access_loggers.file.v3.FileAccessLog", ["path": .string(path), "log_format": format]))
    return filter.map { log.adding(["filter": $0]) } ?? log
  }
}
