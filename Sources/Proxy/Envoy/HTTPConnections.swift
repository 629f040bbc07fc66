import JSONValues

/// HTTP as every listener of ours speaks it: paths in one form before any rule sees them, nothing unbounded, answers
/// that say what is wrong and nothing about what runs here.
package enum HTTPConnections {
  /// Options of an HTTP connection manager, for the caller to add to; last one wins.
  package static let options: [String: JSON] = [
    "codec_type": "AUTO",
    // Without these, "/v1/tools/../../admin" passes every rule about "/v1/tools/".
    "normalize_path": true,
    "merge_slashes": true,
    "path_with_escaped_slashes_action": "REJECT_REQUEST",
    "strip_any_host_port": true,
    "strip_trailing_host_dot": true,
    "generate_request_id": false,
    "server_header_transformation": "PASS_THROUGH",
    // Nobody's `x-envoy-` headers are obeyed.
    "internal_address_config": ["unix_sockets": false],
    "common_http_protocol_options": [
      "idle_timeout": "300s", "headers_with_underscores_action": "REJECT_REQUEST", "max_headers_count": 100,
    ],
    "max_request_headers_kb": 32,
    "request_headers_timeout": "10s",
    "request_timeout": "300s",
  ]

  /// HTTP/2 with bounded memory for each connection.
  ///
  /// - Parameter connectionWindow: bytes that all streams of a connection may have on the way.
  package static func http2(
    streams: Int, connectionWindow: Int = 1_048_576, extendedConnect: Bool = false
  ) -> JSON {
    let bounds: JSON = [
      "max_concurrent_streams": .int(streams), "initial_stream_window_size": 65536,
      "initial_connection_window_size": .int(connectionWindow),
    ]
    return extendedConnect ? bounds.adding(["allow_connect": true]) : bounds
  }

  package static func manager(_ fields: [String: JSON]) -> JSON {
    .extension(
      "envoy.filters.network.http_connection_manager",
      .typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        options.merging(fields) { _, own in own }))
  }

  package static let router = JSON.extension(
    "envoy.filters.http.router",
    .typed("envoy.extensions.filters.http.router.v3.Router", ["suppress_envoy_headers": true]))

  /// One text for a status that Envoy itself answers with.
  package struct Reply: Hashable, Sendable {
    let status: Int
    let reason: String
    let becomes: Int?

    /// - Parameter becomes: The status that the client sees instead.
    package init(_ status: Int, _ reason: String, becomes: Int? = nil) {
      self.status = status
      self.reason = reason
      self.becomes = becomes
    }

    fileprivate var mapper: JSON {
      HTTPConnections.mapper("EQ", status, reason).adding(becomes.map { ["status_code": .int($0)] } ?? [:])
    }
  }

  /// Envoy's own answers as `{"error":{"status":…,"reason":…}}`. Those below 500 also have Envoy's name of the detail;
  /// those from 500 on would tell of the hosts behind.
  package static func replies(_ replies: [Reply], unreachable: String) -> JSON {
    let mappers =
      replies.map(\.mapper) + [
        mapper("EQ", 501, "transfer coding refused"),
        mapper("EQ", 504, "no answer in time").adding(["body_format_override": body([:])]),
        mapper("GE", 500, unreachable).adding(["body_format_override": body([:])]),
      ]
    return ["mappers": .array(mappers), "body_format": body(["detail": "%RESPONSE_CODE_DETAILS%"])]
  }

  private static func body(_ more: [String: JSON]) -> JSON {
    let fields: JSON = ["status": "%RESPONSE_CODE%", "reason": "%LOCAL_REPLY_BODY%"]
    return ["json_format": ["error": fields.adding(more)], "content_type": "application/json"]
  }

  private static func mapper(_ comparison: String, _ status: Int, _ reason: String) -> JSON {
    [
      "filter": [
        "status_code_filter": [
          "comparison": [
            "op": .string(comparison), "value": ["default_value": .int(status), "runtime_key": "not.set"],
          ]
        ]
      ],
      "body": ["inline_string": .string(reason)],
    ]
  }
}
