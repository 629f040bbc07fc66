import AuditLog
import Dispatch
import Faults
import Glibc
import Synchronization

/// Makes records durable: all that wait are written, sealed and synchronized together (group commit).
///
/// Writes on its own dispatch queue, so that a slow disk never holds a thread of the Swift pool. A batch is its records
/// and one signed seal in one write; nobody hears of a record before the disk has both. `checkpoint` follows within
/// `checkpointDelay`.
final class AuditWriter: Sendable {
  /// A batch ends at the first of these, so that none waits long behind a large one.
  private static let batchRecordLimit = 1024
  private static let batchByteLimit = 1 << 20
  /// What may wait: beyond, appends are refused at once.
  private static let pendingRecordLimit = 16 * 1024
  private static let pendingByteLimit = 64 << 20
  /// The longest that `checkpoint` is behind the seals while the disk takes it.
  private static let checkpointDelay = DispatchTimeInterval.milliseconds(100)

  private struct Waiter: Sendable {
    let body: [UInt8]
    let leaf: TreeHash
    let continuation: CheckedContinuation<AuditReceipt, any Error>
  }

  private struct State: Sendable {
    var durable: Durable
    var pending: [Waiter] = []
    var pendingBytes = 0
    var inFlight: [Waiter] = []
    /// A batch under way or about to be.
    var isDraining = false
    var batchStart = ContinuousClock.now
    var isWatched = false
    var isArchiving = false
    /// What waits for a moment between two batches.
    var between: [@Sendable () -> Void] = []
    /// Bytes of a failed batch may lie after `durable.end`.
    var hasDirtyTail = false
    /// `records.log` has another file's name, which the disk may not know yet.
    var hasDirtyName = false
    var isCheckpointScheduled = false
    var checkpointFault: Fault?
    var isClosed = false
  }

  private let directory: AuditDirectory
  private let lock: AuditDescriptor
  private let signer: NoteSigner
  private let stallLimit: Duration
  private let state: Mutex<State>
  private let writing = DispatchQueue(label: "lobstack.audit.write")
  private let archiving = DispatchQueue(label: "lobstack.audit.archive")
  private let publishing = DispatchQueue(label: "lobstack.audit.checkpoint")
  private let watching = DispatchQueue(label: "lobstack.audit.watch")

  /// Appends from `durable.end` on; gives the lock back when closed.
  init(
    directory: AuditDirectory, lock: AuditDescriptor, signer: NoteSigner, durable: Durable, stallLimit: Duration
  ) {
    self.lock = lock
    self.directory = directory
    self.signer = signer
    self.stallLimit = stallLimit
    state = Mutex(State(durable: durable))
  }

  var durable: Durable { state.withLock { $0.durable } }
  /// Why `checkpoint` is behind, if it is.
  var checkpointFault: Fault? { state.withLock { $0.checkpointFault } }

  /// Returns when the record is on the disk, or is sure not to be taken for appended.
  func append(_ body: [UInt8]) async throws -> AuditReceipt {
    let leaf = TreeHash.leaf(body)
    return try await withCheckedThrowingContinuation { continuation in
      let refusal: Fault? = state.withLock { state in
        if let refusal = AuditWriter.refusal(state, count: body.count) { return refusal }
        state.pending.append(Waiter(body: body, leaf: leaf, continuation: continuation))
        state.pendingBytes += body.count
        guard !state.isDraining else { return nil }
        state.isDraining = true
        state.batchStart = .now
        writing.async { self.drain() }
        return nil
      }
      if let refusal { continuation.resume(throwing: refusal) }
    }
  }

  /// Refuses further appends, waits for those under way, and brings `checkpoint` up to date.
  func close() async throws {
    state.withLock { $0.isClosed = true }
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      // Behind the batches under way, then behind the checkpoint under way.
      writing.async {
        self.publishing.async {
          let published = Swift.Result { try self.publishCheckpoint() }
          self.lock.unlock()
          continuation.resume(with: published)
        }
      }
    }
  }

  private static func refusal(_ state: State, count: Int) -> Fault? {
    if state.isClosed {
      return Fault(
        .unavailable, operation: "append to the audit log", reason: "the log is closed",
        remedy: "wait until the control plane runs again")
    }
    let isFull = state.pending.count >= pendingRecordLimit || state.pendingBytes + count > pendingByteLimit
    return isFull
      ? Fault(
        .unavailable, operation: "append to the audit log",
        reason: "\(state.pending.count) records already wait for the disk", remedy: "try again when the disk keeps up")
      : nil
  }
}

/// The batches, on the writing queue.
extension AuditWriter {
  private struct Batch {
    var frontier: MerkleFrontier
    var start: UInt64
    var records: [(body: [UInt8], leaf: TreeHash)]
    var file: AuditDescriptor
    var hasDirtyTail: Bool
    var hasDirtyName: Bool
  }

  private func drain() {
    while true {
      let (between, needsWatch) = state.withLock { state in
        defer { state.between = [] }
        state.batchStart = .now
        let needsWatch = !state.between.isEmpty && !state.isWatched
        if needsWatch { state.isWatched = true }
        return (state.between, needsWatch)
      }
      // Appends wait for this too.
      if needsWatch { watch() }
      for body in between { body() }
      guard let batch = nextBatch() else {
        if state.withLock({ $0.isDraining }) { continue }
        return
      }
      do {
        finish(try write(batch))
      } catch {
        fail(batch, with: error)
      }
    }
  }

  private func nextBatch() -> Batch? {
    let (batch, needsWatch) = state.withLock { state -> (Batch?, Bool) in
      guard !state.pending.isEmpty else {
        state.isDraining = !state.between.isEmpty
        return (nil, false)
      }
      var bytes = 0
      let count =
        state.pending.prefix(AuditWriter.batchRecordLimit).firstIndex { waiter in
          bytes += waiter.body.count
          return bytes > AuditWriter.batchByteLimit
        } ?? min(state.pending.count, AuditWriter.batchRecordLimit)
      state.inFlight = Array(state.pending.prefix(count))
      state.pending.removeFirst(count)
      for waiter in state.inFlight { state.pendingBytes -= waiter.body.count }
      state.batchStart = .now
      let needsWatch = !state.isWatched
      state.isWatched = true
      return (
        Batch(
          frontier: state.durable.tree.frontier, start: state.durable.end,
          records: state.inFlight.map { ($0.body, $0.leaf) }, file: state.durable.records,
          hasDirtyTail: state.hasDirtyTail, hasDirtyName: state.hasDirtyName), needsWatch
      )
    }
    if needsWatch { watch() }
    return batch
  }

  private struct Written {
    var leaves: [(leaf: TreeHash, offset: UInt64)]
    var end: UInt64
    var note: String
  }

  private func write(_ batch: Batch) throws -> Written {
    var frontier = batch.frontier
    var bytes: [UInt8] = []
    var leaves: [(leaf: TreeHash, offset: UInt64)] = []
    for record in batch.records {
      leaves.append((record.leaf, batch.start + UInt64(bytes.count)))
      AuditFrame.append(.record, index: frontier.size, body: record.body, hash: record.leaf, to: &bytes)
      frontier.append(record.leaf)
    }
    let note = try AuditWriter.appendSeal(frontier, signer: signer, to: &bytes)
    if batch.hasDirtyName {
      try directory.synchronize()
      state.withLock { $0.hasDirtyName = false }
    }
    if batch.hasDirtyTail { try batch.file.truncate(to: batch.start) }
    try batch.file.write(bytes, at: batch.start)
    try batch.file.synchronize()
    return Written(leaves: leaves, end: batch.start + UInt64(bytes.count), note: note)
  }

  /// - Returns: The seal's note.
  static func appendSeal(_ frontier: MerkleFrontier, signer: NoteSigner, to bytes: inout [UInt8]) throws -> String {
    let checkpoint = Checkpoint(origin: signer.verifier.name, size: frontier.size, root: frontier.root)
    let note = try checkpoint.signed(by: signer).encoded
    let body = Array(note.utf8)
    AuditFrame.append(.seal, index: frontier.size, body: body, hash: AuditFrame.hash(.seal, body), to: &bytes)
    return note
  }

  private func finish(_ written: Written) {
    let (waiters, first) = state.withLock { state -> ([Waiter], UInt64) in
      let first = state.durable.tree.size
      for (leaf, offset) in written.leaves { state.durable.append(leaf, at: offset) }
      state.durable.end = written.end
      state.durable.note = written.note
      state.hasDirtyTail = false
      let waiters = state.inFlight
      state.inFlight = []
      return (waiters, first)
    }
    for (place, waiter) in waiters.enumerated() {
      waiter.continuation.resume(returning: AuditReceipt(index: first + UInt64(place), leafHash: "\(waiter.leaf)"))
    }
    requestCheckpoint()
  }

  private func fail(_ batch: Batch, with error: any Error) {
    // Cut off what was written of it. If that fails too, the next batch does it first.
    let isClean = Swift.Result { try batch.file.truncate(to: batch.start) }.isSuccess
    let waiters = state.withLock { state in
      state.hasDirtyTail = !isClean
      defer { state.inFlight = [] }
      return state.inFlight
    }
    let cause = error as? Fault
    let fault = Fault(
      cause?.code == .exhausted ? .exhausted : .failed, operation: "append to the audit log",
      reason: "the record cannot be made durable in \(directory.path)",
      remedy: cause?.remedy ?? "check the disk of the audit log", cause: error)
    for waiter in waiters { waiter.continuation.resume(throwing: fault) }
  }
}

/// Archiving: all that takes long is done beside the appends, the rest between two batches.
extension AuditWriter {
  func archive(
    _ size: UInt64, _ rootHash: String, _ reached: @escaping @Sendable (AuditCut.Step) throws -> Void
  ) async throws {
    let isFirst = state.withLock { state in
      defer { state.isArchiving = true }
      return !state.isArchiving
    }
    guard isFirst else {
      throw Fault(
        .conflict, operation: "archive records", reason: "another archiving is under way",
        remedy: "wait until that is done")
    }
    defer {
      // There is none, or it is of no meaning any more.
      unlink(directory.nextRecords)
      state.withLock { $0.isArchiving = false }
    }
    let cut = try await withCheckedThrowingContinuation { continuation in
      archiving.async {
        continuation.resume(
          with: Swift.Result {
            try AuditCut(
              self.directory, self.durable, at: size, rootHash: rootHash, signer: self.signer, reached: reached)
          })
      }
    }
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      betweenBatches { continuation.resume(with: Swift.Result { try self.finish(cut) }) }
    }
  }

  private func betweenBatches(_ body: @escaping @Sendable () -> Void) {
    state.withLock { state in
      state.between.append(body)
      guard !state.isDraining else { return }
      state.isDraining = true
      writing.async { self.drain() }
    }
  }

  private func finish(_ cut: AuditCut) throws {
    let (durable, isClosed) = state.withLock { ($0.durable, $0.isClosed) }
    guard !isClosed else {
      throw Fault(
        .unavailable, operation: "archive records", reason: "the log is closed",
        remedy: "wait until the control plane runs again")
    }
    // The file's checkpoint may not lie before its first record.
    try publishing.sync { try publishCheckpoint() }
    let next = try cut.finish(durable)
    state.withLock { state in
      state.durable = next
      state.hasDirtyTail = false
      state.hasDirtyName = true
    }
    // It is the log from here on. What fails now the next batch does before it answers.
    guard (try? cut.reached(.named)) != nil, (try? directory.synchronize()) != nil else { return }
    state.withLock { $0.hasDirtyName = false }
  }
}

/// Appends do not wait for ever on a disk that hangs.
extension AuditWriter {
  private func watch() {
    let limit = stallLimit.components
    let delay = DispatchTimeInterval.milliseconds(Int(limit.seconds * 1000 + limit.attoseconds / 1_000_000_000_000_000))
    watching.asyncAfter(deadline: .now() + delay) { [weak self] in self?.look() }
  }

  private func look() {
    let (waiters, isBusy) = state.withLock { state -> ([Waiter], Bool) in
      state.isWatched = state.isDraining
      guard state.isDraining, state.batchStart.duration(to: .now) >= stallLimit else { return ([], state.isDraining) }
      // The batch itself cannot be called back: whether it gets to the disk is known when the disk answers.
      let waiters = state.inFlight + state.pending
      state.inFlight = []
      state.pending = []
      state.pendingBytes = 0
      return (waiters, true)
    }
    let fault = Fault(
      .timedOut, operation: "append to the audit log",
      reason:
        "the disk of \(directory.path) has not answered for \(stallLimit); the record may appear in the log later",
      remedy: "check the disk of the audit log")
    for waiter in waiters { waiter.continuation.resume(throwing: fault) }
    if isBusy { watch() }
  }
}

/// The `checkpoint` file, on the publishing queue: its three synchronizations hold no append up.
extension AuditWriter {
  /// At most one is scheduled, however many batches and failures ask for it.
  private func requestCheckpoint() {
    let isScheduled = state.withLock { state in
      defer { state.isCheckpointScheduled = true }
      return state.isCheckpointScheduled
    }
    guard !isScheduled else { return }
    publishing.asyncAfter(deadline: .now() + AuditWriter.checkpointDelay) { [weak self] in
      // After `close` the files may be another's.
      guard let self, !state.withLock({ $0.isClosed }) else { return }
      do { try publishCheckpoint() } catch {
        // Told through `checkpointFault`; meanwhile the seals stand.
        requestCheckpoint()
      }
    }
  }

  private func publishCheckpoint() throws {
    let note = state.withLock { state in
      // Before the note is read: a batch that ends from here on schedules the next.
      state.isCheckpointScheduled = false
      return state.durable.note
    }
    do {
      try directory.replace(directory.checkpoint, with: Array(note.utf8))
      state.withLock { $0.checkpointFault = nil }
    } catch {
      let fault = Fault.wrap(
        error, operation: "replace \(directory.checkpoint)", remedy: "check the disk of the audit log")
      state.withLock { $0.checkpointFault = fault }
      throw fault
    }
  }
}

extension Result {
  fileprivate var isSuccess: Bool {
    if case .success = self { true } else { false }
  }
}
