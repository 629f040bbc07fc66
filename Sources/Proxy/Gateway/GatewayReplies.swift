import Faults
import JSONValues

extension GatewayLayout {
  /// Envoy's own answers as `problem+json` (RFC 9457) with the members that the API's have; nothing in them tells what
  /// runs behind.
  var replies: JSON {
    let refused: JSON = ["response_flag_filter": ["flags": ["UAEX"]]]
    let unavailable: JSON = ["and_filter": ["filters": [refused, Self.isStatus(503)]]]
    let mappers: [JSON] =
      [
        mapper(unavailable, body: problem(Self.unreachable)),
        // The control plane refused the request, and says so in the same form.
        mapper(
          refused,
          body: ["text_format_source": ["inline_string": "%LOCAL_REPLY_BODY%"], "content_type": .string(Self.type)]),
        mapper(
          Self.isStatus(308),
          body: ["text_format_source": ["inline_string": "use https\n"], "content_type": "text/plain"]),
      ] + problems.map { mapper(Self.isStatus($0.status), body: problem($0)) }
    return [
      "mappers": .array(mappers),
      "body_format": [
        "json_format": ["type": "about:blank", "status": "%RESPONSE_CODE%"], "content_type": .string(Self.type),
      ],
    ]
  }

  private static let type = "application/problem+json"

  private struct Reply {
    let status: Int
    let title: String
    let fault: Fault

    init(_ status: Int, _ title: String, _ code: Fault.Code, _ reason: String, _ remedy: String) {
      self.status = status
      self.title = title
      fault = Fault(code, operation: "answer the request", reason: reason, remedy: remedy)
    }
  }

  private static let unreachable = Reply(
    503, "Service Unavailable", .unavailable, "what is behind the gateway does not answer", "try again in a few seconds"
  )

  private var problems: [Reply] {
    [
      Reply(
        400, "Bad Request", .invalid, "it is not HTTP as it is taken here",
        "send one Host, no encoded slash in the path, no underscore in a header's name, one length of the body"),
      Reply(
        401, "Unauthorized", .unauthenticated, "no token was given",
        "send 'Authorization: Bearer' with a token of 'lobstack token create'"),
      Reply(403, "Forbidden", .denied, "the gateway does not serve that here", "use WebSocket with agents only"),
      Reply(
        404, "Not Found", .notFound, "there is nothing at this path",
        "take /v1/… for the API, /agents/<tenant>/<name>/… for an agent"),
      Reply(405, "Method Not Allowed", .unsupported, "the method is not served", "take GET, POST, PUT or DELETE"),
      Reply(408, "Request Timeout", .timedOut, "it did not come to its end in time", "send it faster"),
      Reply(
        413, "Content Too Large", .exhausted, "its body is over \(limits.body) bytes", "send a smaller document"),
      Reply(426, "Upgrade Required", .unsupported, "its version of HTTP is too old", "speak HTTP/1.1 or HTTP/2"),
      Reply(
        429, "Too Many Requests", .exhausted, "too many came from this address or with this token",
        "wait for the seconds that the header retry-after says"),
      Reply(
        431, "Request Header Fields Too Large", .exhausted, "its headers are over \(limits.headers) KiB or too many",
        "send fewer or shorter headers"),
      Reply(500, "Internal Server Error", .failed, "of an error in the gateway", "see the gateway's log"),
      Reply(
        501, "Not Implemented", .unsupported, "its transfer coding is not served", "send it chunked or with a length"),
      Reply(502, "Bad Gateway", .unavailable, "what is behind the gateway did not speak HTTP", "try again"),
      Self.unreachable,
      Reply(
        504, "Gateway Timeout", .timedOut, "what is behind the gateway did not answer in time",
        "look whether it was done before you try again"),
    ]
  }

  private func problem(_ reply: Reply) -> JSON {
    let fault = reply.fault
    return [
      "content_type": .string(Self.type),
      "json_format": [
        "type": "https://lobstack.dev/problems/\(fault.code)", "title": .string(reply.title),
        "status": .int(reply.status), "detail": .string(fault.description),
        "fault": [
          "code": "\(fault.code)", "operation": .string(fault.operation), "reason": .string(fault.reason),
          "remedy": .string(fault.remedy),
        ],
      ],
    ]
  }

  private func mapper(_ filter: JSON, body: JSON) -> JSON {
    ["filter": filter, "body_format_override": body, "headers_to_add": Self.securityHeaders()]
  }

  private static func isStatus(_ status: Int) -> JSON {
    [
      "status_code_filter": [
        "comparison": ["op": "EQ", "value": ["default_value": .int(status), "runtime_key": "not.set"]]
      ]
    ]
  }
}
