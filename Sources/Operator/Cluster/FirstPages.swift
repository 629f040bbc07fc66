import KubernetesAPI

/// Reads the first lists of a namespace's types, a page of each in turn.
///
/// Lists are in the order of names, and the names of an agent's objects begin alike: what they are compared with is made
/// once for all of them, and no type of tens of thousands of objects is in memory as a whole.
struct FirstPages: Sendable {
  /// Objects of a page: with the agents of one round all those of the next have to have room in `ExpansionCache`.
  private static let size = ExpansionCache.generation / 2

  let client: KubernetesClient
  let served: ServedTypes
  let selection: Selection

  /// - Returns: the states that were listed, to watch from. One of a type that could not be read is not among them.
  func read(_ feeds: [OwnedFeed]) async -> [OwnedType: String] {
    var versions: [OwnedType: String] = [:]
    var places = feeds.map { (feed: $0, continuation: "") }
    while !places.isEmpty, !Task.isCancelled {
      var open: [(feed: OwnedFeed, continuation: String)] = []
      for (feed, continuation) in places {
        // What cannot be read is told where it is followed, which begins with a list.
        guard (try? await served.serves(feed.type)) == true,
          let page = try? await client.page(
            of: feed.type.resource, namespace: feed.namespace, selection, size: Self.size, after: continuation)
        else { continue }
        await feed.take(page.objects)
        if page.continuation.isEmpty {
          versions[feed.type] = page.resourceVersion
        } else {
          open.append((feed, page.continuation))
        }
      }
      places = open
    }
    return versions
  }
}
