import Foundation
import Logging

/// Writes each record as one line of JSON to standard error: `time` (RFC 3339, UTC), `level`, `logger`, `message`, and
/// what the record says beside, each under its own name: `request.id`, `agent.id`, `error`, …
struct JSONLogHandler: LogHandler {
  var logLevel = Logger.Level.info
  var metadata = Logger.Metadata()
  var metadataProvider: Logger.MetadataProvider?
  private let label: String

  init(label: String, metadataProvider: Logger.MetadataProvider?) {
    self.label = label
    self.metadataProvider = metadataProvider
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let line = Self.line(
      of: event, label: label, metadata: metadata.merging(metadataProvider?.get() ?? [:]) { _, later in later },
      at: .now)
    // Nobody can be told that standard error does not take it.
    try? FileHandle.standardError.write(contentsOf: line)
  }

  /// The line with its end: one write, so that lines of several threads do not mix.
  static func line(of event: LogEvent, label: String, metadata: Logger.Metadata, at time: Date) -> Data {
    let own = event.metadata ?? [:]
    var fields = metadata.merging(own) { _, own in own }.mapValues { "\($0)" }
    if let error = event.error { fields["error"] = "\(error)" }
    // What a record adds does not change what it is.
    fields["time"] = time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    fields["level"] = event.level.rawValue
    fields["logger"] = label
    fields["message"] = "\(event.message)"
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Texts always encode.
    return ((try? encoder.encode(fields)) ?? Data("{}".utf8)) + Data("\n".utf8)
  }
}
