import Logging
import ServiceLifecycle

extension ServiceGroup {
  /// Runs services until the calling task is cancelled; then what they have in flight has five seconds to end.
  ///
  /// - Parameter ending: awaited before the services are told to end.
  /// - Throws: what a service threw; nothing when the task was cancelled.
  package static func run(
    _ services: [any Service], ending: @escaping @Sendable () async -> Void = {}, logger: Logger
  ) async throws {
    var configuration = ServiceGroupConfiguration(services: services, logger: logger)
    configuration.maximumGracefulShutdownDuration = .seconds(5)
    let group = ServiceGroup(configuration: configuration)
    // A task of its own, awaited here, because cancelling the group at once would cut off every request in flight.
    let running = Task { try await group.run() }
    let result = await withTaskCancellationHandler {
      await running.result
    } onCancel: {
      // Nobody awaits it: the group's end is what is awaited.
      Task {
        await ending()
        await group.triggerGracefulShutdown()
      }
    }
    if Task.isCancelled { return }
    try result.get()
  }
}
