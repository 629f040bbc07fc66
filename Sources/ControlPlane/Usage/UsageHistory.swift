import APIModel
import AgentModel
import FoundationEssentials
import NodeProtocol
import Synchronization

/// What agents used over the last hour, in memory alone: a restart of the control plane forgets it.
///
/// A sample has 16 bytes, so an agent that has run for an hour has 5.8 kB here, 10,000 of them 58 MB. What is kept
/// longer, Prometheus keeps.
final class UsageHistory: Sendable {
  static let interval = Duration.seconds(10)
  /// Samples of one agent: an hour's.
  static let kept = 360
  /// What was heard longer ago says nothing of the present.
  private static let memory = interval * 3

  fileprivate struct Sample {
    /// Since 1970.
    var second: UInt32
    /// Not a number where it is not known.
    var cpus: Float
    var kibibytes: UInt32
    var tasks: UInt32
  }

  /// A ring: when it is full, each sample takes the place of the oldest.
  private struct Track {
    var samples: [Sample] = []
    var oldest = 0
    var last: AgentUsage
    var heardAt: ContinuousClock.Instant

    mutating func add(_ sample: Sample) {
      if samples.count < UsageHistory.kept { return samples.append(sample) }
      samples[oldest] = sample
      oldest = (oldest + 1) % UsageHistory.kept
    }
  }

  private let tracks = Mutex<[AgentUID: Track]>([:])

  /// Takes what the node told.
  ///
  /// - Parameters:
  ///   - agents: those that there are: of others nothing is kept, which bounds the whole.
  ///   - time: of the samples.
  func take(
    _ usages: [AgentUsage], of agents: Set<AgentUID>, at time: Date = .now, now: ContinuousClock.Instant = .now
  ) {
    let second = UInt32(clamping: Int64(time.timeIntervalSince1970))
    tracks.withLock { tracks in
      for uid in tracks.keys where !agents.contains(uid) { tracks[uid] = nil }
      for usage in usages where agents.contains(usage.uid) {
        let cpus = Self.cpus(from: tracks[usage.uid]?.last, to: usage)
        var track = tracks.removeValue(forKey: usage.uid) ?? Track(last: usage, heardAt: now)
        if track.samples.isEmpty { track.samples.reserveCapacity(Self.kept) }
        track.add(
          Sample(
            second: second, cpus: cpus.map(Float.init) ?? .nan, kibibytes: UInt32(clamping: usage.memoryBytes >> 10),
            tasks: UInt32(clamping: usage.tasks)))
        (track.last, track.heardAt) = (usage, now)
        tracks[usage.uid] = track
      }
    }
  }

  /// CPUs' worth of time between two readings of one sandbox.
  private static func cpus(from before: AgentUsage?, to after: AgentUsage) -> Double? {
    guard let before, before.process == after.process, before.readAt < after.readAt,
      before.cpuNanoseconds <= after.cpuNanoseconds
    else { return nil }
    return Double(after.cpuNanoseconds - before.cpuNanoseconds) / ((after.readAt - before.readAt) / .nanoseconds(1))
  }

  /// - Returns: the newest `count` samples of the last hour, oldest first; nothing of an agent that did not run in it.
  func usage(of uid: AgentUID, newest count: Int = kept, at time: Date = .now) -> UsageResource {
    let start = time.timeIntervalSince1970 - Self.interval / .seconds(1) * Double(Self.kept)
    let track = tracks.withLock { $0[uid] }
    let samples = track.map { $0.samples[$0.oldest...] + $0.samples[..<$0.oldest] } ?? []
    let recent = samples.filter { Double($0.second) >= start }.suffix(count)
    let last = recent.isEmpty ? nil : track?.last
    return UsageResource(
      intervalSeconds: Int(Self.interval.components.seconds),
      limits: UsageResource.Limits(cpus: last?.cpuLimit, memoryBytes: last?.memoryLimit, tasks: last?.taskLimit),
      samples: recent.map(UsageResource.Sample.init))
  }

  /// - Returns: what the agent uses now; `nil` of one that does not run, and while the node does not answer.
  func newest(of uid: AgentUID, now: ContinuousClock.Instant = .now) -> UsageResource.Sample? {
    tracks.withLock { tracks in
      guard let track = tracks[uid], now - track.heardAt < Self.memory else { return nil }
      let newest = track.oldest == 0 ? track.samples.last : track.samples[track.oldest - 1]
      return newest.map(UsageResource.Sample.init)
    }
  }

  /// What was counted of each agent that runs, for metrics.
  func counts(now: ContinuousClock.Instant = .now) -> [AgentUID: AgentUsage] {
    tracks.withLock { $0.compactMapValues { now - $0.heardAt < Self.memory ? $0.last : nil } }
  }
}

extension UsageResource.Sample {
  fileprivate init(_ sample: UsageHistory.Sample) {
    self.init(
      time: Date(timeIntervalSince1970: TimeInterval(sample.second)),
      // What has more digits than it means is hard to read.
      cpus: sample.cpus.isNaN ? nil : (Double(sample.cpus) * 1000).rounded() / 1000,
      memoryBytes: Int64(sample.kibibytes) << 10, tasks: Int64(sample.tasks))
  }
}
