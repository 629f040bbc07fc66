/// An array of trivial elements that is never changed, read without a check of bounds or a count of references: what
/// indexes it was made together with it.
final class FlatBuffer<Element: Sendable>: Sendable {
  private nonisolated(unsafe) let base: UnsafeMutablePointer<Element>
  let count: Int

  init(_ elements: some Collection<Element>) {
    count = elements.count
    base = .allocate(capacity: max(count, 1))
    var place = base
    for element in elements {
      place.initialize(to: element)
      place += 1
    }
  }

  deinit {
    base.deinitialize(count: count)
    base.deallocate()
  }

  @inline(__always)
  subscript(index: Int) -> Element {
    @inline(__always) get { base[index] }
  }

  /// The elements themselves, for as long as the buffer lives.
  var pointer: UnsafePointer<Element> { UnsafePointer(base) }

  @inline(__always)
  func bytes(_ offset: Int, _ length: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: UnsafeRawPointer(base) + offset, count: length)
  }
}
