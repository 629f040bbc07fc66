import JSONValues

/// Pieces of a route table.
enum Route {
  /// Answers every request, or those that `match`, with a refusal.
  static func refusal(_ reason: String, status: Int = 403, match: JSON = ["prefix": "/"]) -> JSON {
    [
      "match": match,
      "direct_response": ["status": .int(status), "body": ["inline_string": .string(reason)]],
    ]
  }

  /// Routes that a matcher chooses as a whole; the first that matches counts.
  static func list(_ routes: [JSON]) -> JSON {
    ["action": .extension("routes", .typed("envoy.config.route.v3.RouteList", ["routes": .array(routes)]))]
  }

  /// A route that a matcher chooses.
  static func only(_ route: JSON) -> JSON {
    guard case .object(let fields) = route else { return list([route]) }
    return ["action": .extension("route", .typed("envoy.config.route.v3.Route", fields))]
  }
}
