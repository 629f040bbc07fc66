import Faults
import JSONValues
import NIOHTTP1

extension KubernetesClient {
  package func get(_ type: ResourceType, _ name: String, namespace: String? = nil) async throws -> KubernetesObject {
    let path = try ResourcePath(type, namespace: namespace, name: name)
    return try await object(APIRequest(.GET, path, verb: "get", isIdempotent: true))
  }

  /// All objects of a selection, in memory.
  ///
  /// - Parameter namespace: `nil` for all of them.
  package func list(
    _ type: ResourceType, namespace: String? = nil, _ selection: Selection = .everything
  ) async throws -> ObjectList {
    var objects: [KubernetesObject] = []
    let version = try await pages(of: type, namespace: namespace, selection) { page in
      if page.isFirst { objects = [] }
      objects += page.objects
    }
    return ObjectList(objects: objects, resourceVersion: version)
  }

  /// Hands on the objects of a selection page by page. A list that takes longer than the server keeps its state begins
  /// anew, as `ObjectPage.isFirst` says.
  ///
  /// - Parameter size: objects of a page.
  /// - Returns: the state that the list shows, to watch from.
  @discardableResult
  package func pages(
    of type: ResourceType, namespace: String? = nil, _ selection: Selection = .everything, size: Int = 500,
    receive: (ObjectPage) async throws -> Void
  ) async throws -> String {
    var continuation = ""
    var restarts = 0
    while true {
      let page: ObjectPage
      do {
        page = try await self.page(of: type, namespace: namespace, selection, size: size, after: continuation)
      } catch let fault as Fault where fault.code == .expired {
        guard !continuation.isEmpty, restarts < Self.mostRestarts else { throw fault }
        restarts += 1
        continuation = ""
        continue
      }
      continuation = page.continuation
      try await receive(page)
      if continuation.isEmpty { return page.resourceVersion }
    }
  }

  /// One page of a list.
  ///
  /// - Parameter continuation: that of the page before it; empty for the first.
  /// - Throws: `Fault(.expired)` when the server does not keep the state of that page any more.
  package func page(
    of type: ResourceType, namespace: String? = nil, _ selection: Selection = .everything, size: Int,
    after continuation: String
  ) async throws -> ObjectPage {
    let place = continuation.isEmpty ? [] : [("continue", continuation)]
    let request = try APIRequest(
      .GET, ResourcePath(type, namespace: namespace), query: selection.query + [("limit", "\(size)")] + place,
      verb: "list", isIdempotent: true)
    let answer = try await send(request)
    var page = try decoded(request) { () throws(JSONError) in try ObjectPage(answer) }
    page.isFirst = continuation.isEmpty
    return page
  }

  private static var mostRestarts: Int { 3 }

  /// Tells what happens to the objects of a selection, in order, until the server ends the watch, as it does every few
  /// minutes: that is no failure. A slow receiver holds the server back.
  ///
  /// - Parameters:
  ///   - version: the state after which it begins, from a list or the last event.
  ///   - life: how long the server shall keep it up.
  /// - Throws: `Fault(.expired)` when that state is no longer kept: list anew. What `receive` throws ends the watch.
  package func watch(
    _ type: ResourceType, namespace: String? = nil, _ selection: Selection = .everything, from version: String,
    life: Duration = .seconds(300), receive: @escaping @Sendable (WatchEvent) async throws -> Void
  ) async throws {
    let seconds = max(1, life.components.seconds)
    let query = [
      ("watch", "true"), ("allowWatchBookmarks", "true"), ("resourceVersion", version),
      ("timeoutSeconds", "\(seconds)"),
    ]
    let request = try APIRequest(
      .GET, ResourcePath(type, namespace: namespace), query: selection.query + query, verb: "watch", isIdempotent: true)
    do {
      try await lines(request, limit: .seconds(seconds + 30)) { [self] line in
        switch try decoded(request, { () throws(JSONError) in try WatchLine(line) }) {
        case .event(let event):
          do { try await receive(event) } catch { throw ReceiverError(error: error) }
        case .failure(let status): throw Refusal(status)
        case .unknown: break
        }
      }
    } catch let failure as ReceiverError {
      throw failure.error
    }
  }

  /// What a Pod's only container has written since it was started.
  ///
  /// - Parameters:
  ///   - span: the time up to now that is meant; `nil` for all.
  ///   - limit: bytes from the beginning of that; more is not asked for.
  package func log(
    of pod: String, namespace: String, last span: Duration? = nil, limit: Int
  ) async throws -> [UInt8] {
    let path = try ResourcePath(
      ResourceType(plural: "pods"), namespace: namespace, name: pod, subresource: "log")
    var request = APIRequest(reading: try path.text())
    request.operation = "read \(path.label)"
    request.query = [("limitBytes", "\(limit)")]
    if let span { request.query.append(("sinceSeconds", "\(max(1, span.components.seconds))")) }
    // The kubelet counts by what it has at hand.
    return Array(try await send(request).prefix(limit))
  }

  func object(_ request: APIRequest) async throws -> KubernetesObject {
    let answer = try await send(request)
    return try decoded(request) { () throws(JSONError) in try KubernetesObject(answer) }
  }

  func decoded<Value>(_ request: APIRequest, _ body: () throws(JSONError) -> Value) throws -> Value {
    do { return try body() } catch {
      throw Fault(
        .failed, operation: request.operation, reason: "the answer of \(configuration.server) is not the API's JSON",
        remedy: "check the address of the API server, and what stands between", cause: error)
    }
  }
}

/// A failure of what the caller does with an event, to be told from a failure of the watch.
struct ReceiverError: Error {
  let error: any Error
}
