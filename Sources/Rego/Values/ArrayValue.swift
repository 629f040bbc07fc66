/// An array.
package struct ArrayValue: Sendable, RandomAccessCollection {
  package let items: [Value]
  let extent: Extent

  package init(_ items: [Value]) {
    self.items = items
    extent = Extent(of: items)
  }

  package var startIndex: Int { 0 }
  package var endIndex: Int { items.count }
  package subscript(_ index: Int) -> Value { items[index] }
}
