import HTTPTypes
import Instruments

/// How requests to the API ended, by the template of their route: a path, a tenant or a name is never a label.
struct RequestMetrics: Sendable {
  let requests = Counter(
    "lobstack_http_requests_total", "Requests to the API that were answered.", by: "method", "route", "code",
    mostSeries: 2_000)
  let durations = Histogram(
    "lobstack_http_request_duration_seconds", "From a request's head to the head of its answer.", by: "method", "route",
    bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30])
  let rateLimited = Counter(
    "lobstack_http_rate_limited_requests_total", "Requests that the API refused because their principal made too many.")

  /// What stands for a request that no route was asked about: unknown, or refused before.
  private static let noRoute = "none"
  private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]

  /// - Parameter route: as the router calls it.
  func count(_ method: HTTPRequest.Method, route: String?, status: Int, _ duration: Duration) {
    let method = Self.methods.contains(method.rawValue) ? method.rawValue : "other"
    let route = route.flatMap { $0.hasPrefix("/") ? $0 : nil } ?? Self.noRoute
    requests.add(1, method, route, "\(status)")
    durations.observe(duration, method, route)
  }
}
