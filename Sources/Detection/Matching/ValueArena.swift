/// The bytes of one event's field values, all in one piece of memory that the next event uses again.
///
/// Not thread-safe. A value is cut where an event's values would take more than `largest` bytes together.
package final class ValueArena {
  /// Bytes.
  package static let largest = 4 << 20

  private struct State {
    var base: UnsafeMutableRawPointer
    var capacity: Int
    var count = 0
    var start = 0
  }

  // Behind a pointer, so that no access has to be checked for exclusivity.
  private let state: UnsafeMutablePointer<State>

  package init() {
    let capacity = 16 << 10
    state = .allocate(capacity: 1)
    state.initialize(
      to: State(base: .allocate(byteCount: capacity, alignment: 16), capacity: capacity))
  }

  deinit {
    state.pointee.base.deallocate()
    state.deinitialize(count: 1)
    state.deallocate()
  }

  func reset() { state.pointee.count = 0 }

  /// Whether there was no room for another number, so that values may have been cut.
  var isFull: Bool { state.pointee.count + 8 > Self.largest }

  /// The bytes of a string or list; empty for other values.
  @inline(__always)
  func bytes(of value: FieldValue) -> UnsafeRawBufferPointer {
    guard value.kind == .bytes || value.kind == .list else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(start: state.pointee.base + Int(value.first), count: Int(value.second))
  }

  func number(_ index: Int, of value: FieldValue) -> UInt64 {
    (state.pointee.base + Int(value.first)).loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
  }

  // MARK: Building values

  /// Begins a value that is put together from parts.
  package func begin() { state.pointee.start = state.pointee.count }

  package func append(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count > 0, let source = bytes.baseAddress else { return }
    let count = min(bytes.count, Self.largest - state.pointee.count)
    guard count > 0 else { return }
    // The arena moves when it grows, and with it what is copied from itself.
    let offset = source - UnsafeRawPointer(state.pointee.base)
    let isOwn = offset >= 0 && offset < state.pointee.count
    makeRoom(for: count)
    let from = isOwn ? UnsafeRawPointer(state.pointee.base) + offset : source
    (state.pointee.base + state.pointee.count).copyMemory(from: from, byteCount: count)
    state.pointee.count += count
  }

  package func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { append($0) } }

  package func append(_ text: StaticString) {
    append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  package func append(_ text: String) {
    var text = text
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
  }

  package func append(byte: UInt8) {
    guard state.pointee.count < Self.largest else { return }
    makeRoom(for: 1)
    state.pointee.base.storeBytes(of: byte, toByteOffset: state.pointee.count, as: UInt8.self)
    state.pointee.count += 1
  }

  package func append(decimal number: Int64) {
    if number < 0 { append(byte: UInt8(ascii: "-")) }
    append(decimal: number.magnitude)
  }

  package func append(decimal number: UInt64) {
    var divisor: UInt64 = 1
    while number / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      append(byte: UInt8(ascii: "0") + UInt8(number / divisor % 10))
      divisor /= 10
    }
  }

  /// What another value holds, behind what was begun.
  func append(_ value: FieldValue) {
    let count = min(Int(value.second), Self.largest - state.pointee.count)
    guard count > 0, value.kind == .bytes || value.kind == .list else { return }
    makeRoom(for: count)
    (state.pointee.base + state.pointee.count).copyMemory(
      from: state.pointee.base + Int(value.first), byteCount: count)
    state.pointee.count += count
  }

  /// Ends an element of a list.
  package func endElement() { append(byte: 0) }

  package func endString() -> FieldValue { end(.bytes) }
  package func endList() -> FieldValue { end(.list) }

  private func end(_ kind: FieldValue.Kind) -> FieldValue {
    FieldValue(kind, UInt64(state.pointee.start), UInt64(state.pointee.count - state.pointee.start))
  }

  /// What was begun so far, to be changed in place.
  var current: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      start: state.pointee.base + state.pointee.start, count: state.pointee.count - state.pointee.start)
  }

  /// Cuts what was begun to so many bytes.
  func truncate(to count: Int) { state.pointee.count = min(state.pointee.count, state.pointee.start + max(count, 0)) }

  package func string(_ bytes: [UInt8]) -> FieldValue {
    begin()
    append(bytes)
    return endString()
  }

  package func string(_ bytes: UnsafeRawBufferPointer) -> FieldValue {
    begin()
    append(bytes)
    return endString()
  }

  package func string(_ text: StaticString) -> FieldValue {
    begin()
    append(text)
    return endString()
  }

  package func string(_ text: String) -> FieldValue {
    begin()
    append(text)
    return endString()
  }

  package func numbers(_ numbers: some Sequence<UInt64>) -> FieldValue {
    begin()
    var count: UInt64 = 0
    for number in numbers where state.pointee.count + 8 <= Self.largest {
      withUnsafeBytes(of: number) { append($0) }
      count += 1
    }
    return FieldValue(.numbers, UInt64(state.pointee.start), count)
  }

  private func makeRoom(for count: Int) {
    let needed = state.pointee.count + count
    guard needed > state.pointee.capacity else { return }
    let old = state.pointee
    let capacity = max(needed, old.capacity * 2)
    let base = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
    base.copyMemory(from: old.base, byteCount: old.count)
    old.base.deallocate()
    state.pointee.base = base
    state.pointee.capacity = capacity
  }
}
