/// The different paths of names below the input that the rules of a program ask for.
final class InputPaths {
  /// By bytes: Swift takes some different strings for the same.
  private var places: [[[UInt8]]: Int] = [:]

  var count: Int { places.count }

  /// - Returns: `nil` for a path with something else than names.
  func place(of path: [Value]) -> Int? {
    let names = path.compactMap { $0.text?.bytes }
    guard names.count == path.count else { return nil }
    if let place = places[names] { return place }
    places[names] = places.count
    return places.count - 1
  }
}
