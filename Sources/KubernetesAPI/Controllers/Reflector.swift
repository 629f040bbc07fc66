import Faults
import Logging
import Synchronization

/// What a reflector tells of the objects that it follows.
package enum ObjectChange: Sendable {
  /// These are all of them now; whatever was told before and is not among them is gone.
  case replaced([KubernetesObject])
  /// It was made or changed.
  case changed(KubernetesObject)
  /// It is gone; this is how it was last.
  case deleted(KubernetesObject)
  /// What was told may be out of date, for this reason, until the next of the others. It is tried again by itself.
  case interrupted(Fault)
  /// After an interruption: what was told is how it is now; nothing has happened meanwhile.
  case current
}

/// Follows the objects of a selection for as long as it runs: lists them, then watches from there, goes on from the
/// last state after a break, and lists anew when that is no longer kept.
///
/// It keeps none of them but one list at a time: a slow receiver holds the server back.
package struct Reflector: Sendable {
  private let client: KubernetesClient
  private let type: ResourceType
  private let namespace: String?
  private let selection: Selection
  private let watchLife: Duration
  private let start: String?
  var pauses = Self.usualPauses

  /// Between tries that fail. client-go's reflector waits for up to a minute: after an outage of minutes all are to know
  /// within seconds what is so.
  static let usualPauses = BackOff(first: .milliseconds(800), longest: .seconds(8))
  /// A watch that ends sooner and told nothing is a failure: who closes all of them must not be asked again at once.
  private static let shortestWatch = Duration.seconds(1)
  /// Of the watch after an interruption: one that ends in order has told all that happened since. Bookmarks may come no
  /// sooner than the next change, as after a start of the API server.
  private static let firstLife = Duration.seconds(2)

  /// - Parameters:
  ///   - namespace: `nil` for all of them.
  ///   - version: the state of a list that the receiver has already: only what happened since is told. `nil` lists.
  ///   - watchLife: of one watch, about; many reflectors that began together shall not go on so.
  package init(
    _ client: KubernetesClient, _ type: ResourceType, namespace: String? = nil, _ selection: Selection = .everything,
    from version: String? = nil, watchLife: Duration = .seconds(Int.random(in: 240...360))
  ) {
    self.client = client
    self.type = type
    self.namespace = namespace
    self.selection = selection
    start = version
    self.watchLife = watchLife
  }

  /// Runs until the calling task is cancelled.
  ///
  /// - Parameter receive: called for one change after the other.
  package func run(_ receive: @escaping @Sendable (ObjectChange) async -> Void) async {
    let place = Place(start)
    var pauses = pauses
    while !Task.isCancelled {
      place.told = false
      do {
        if place.version == nil {
          let list = try await client.list(type, namespace: namespace, selection)
          place.isInterrupted = false
          await receive(.replaced(list.objects))
          place.version = list.resourceVersion
        }
        if place.isInterrupted { try await requireStore() }
        try await watch(from: place, receive)
        await place.tellCurrent(receive)
        pauses.reset()
      } catch is CancellationError where Task.isCancelled {
        return
      } catch {
        let fault = Fault.wrap(error, operation: "follow \(type)", remedy: "see the log of the API server")
        if place.told { pauses.reset() }
        if fault.code == .expired {
          place.version = nil
        } else {
          place.isInterrupted = true
          await receive(.interrupted(fault))
        }
        // Cancelled while it waits, the loop ends.
        try? await Task.sleep(for: pauses.pause(jitter: .random(in: 0...1)))
      }
    }
  }

  /// An API server that is cut off from its etcd keeps up watches, and ends them in order, by what it had heard before: that
  /// nothing came by one shows that nothing happened only where a list without a resource version is answered, which
  /// etcd has to agree to.
  private func requireStore() async throws {
    _ = try await client.page(of: type, namespace: namespace, selection, size: 1, after: "")
  }

  private func watch(
    from place: Place, _ receive: @escaping @Sendable (ObjectChange) async -> Void
  ) async throws {
    let began = ContinuousClock.now
    try await client.watch(
      type, namespace: namespace, selection, from: place.version ?? "",
      life: place.isInterrupted ? Self.firstLife : watchLife
    ) { event in
      place.told = true
      let version: String?
      switch event {
      case .added(let object), .modified(let object):
        place.isInterrupted = false
        await receive(.changed(object))
        version = object.resourceVersion
      case .deleted(let object):
        place.isInterrupted = false
        await receive(.deleted(object))
        version = object.resourceVersion
      case .bookmark(let bookmark):
        await place.tellCurrent(receive)
        version = bookmark
      }
      // A receiver that was cut off in its work, by the end of the watch's time, is told again.
      try Task.checkCancellation()
      place.version = version
    }
    guard place.told || began.duration(to: .now) > Self.shortestWatch else {
      throw Fault(
        .unavailable, operation: "watch \(type)", reason: "the watch ended at once", remedy: "see the API server's log")
    }
  }

  /// Where it has got to: written by the watch that runs, read between two of them.
  private final class Place: Sendable {
    private let state: Mutex<(version: String?, told: Bool, isInterrupted: Bool)>

    init(_ version: String?) { state = Mutex((version, false, false)) }

    /// `nil` before the first list, and when the state is no longer kept. An empty one would be any state.
    var version: String? {
      get { state.withLock { $0.version } }
      set { state.withLock { $0.version = newValue?.isEmpty == true ? nil : newValue } }
    }

    /// Whether the last try told anything by a watch: a list that is refused before is a failure like the one before.
    var told: Bool {
      get { state.withLock { $0.told } }
      set { state.withLock { $0.told = newValue } }
    }

    /// Whether the receiver was told so, and of nothing since.
    var isInterrupted: Bool {
      get { state.withLock { $0.isInterrupted } }
      set { state.withLock { $0.isInterrupted = newValue } }
    }

    func tellCurrent(_ receive: @Sendable (ObjectChange) async -> Void) async {
      guard isInterrupted else { return }
      isInterrupted = false
      await receive(.current)
    }
  }
}
