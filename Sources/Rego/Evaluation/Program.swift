/// Policies ready to be evaluated, by any number of threads.
package final class Program: Sendable {
  /// A file of Rego.
  package struct Source: Sendable {
    package var file: String
    package var text: String
    /// Whether it is Rego as of version 1; older files may import it.
    package var isVersion1: Bool

    package init(file: String, text: String, isVersion1: Bool = false) {
      (self.file, self.text, self.isVersion1) = (file, text, isVersion1)
    }
  }

  let rules: [EvaluatedRule]
  /// How many different paths below the input are asked for.
  let inputPaths: Int
  let expressions = SearchExpressions()
  private let places: [String: Int]
  /// Those of the files, one after the other.
  package let packages: [[String]]

  /// - Parameters:
  ///   - sources: the first is the one that is asked; others are libraries of it.
  ///   - bases: paths below `data` that have documents from outside.
  /// - Throws: `RegoError` for what is no Rego, is not supported, or cannot be evaluated.
  package init(_ sources: [Source], bases: [[String]] = [["inventory"]]) throws(RegoError) {
    var modules: [Module] = []
    for source in sources {
      modules.append(try Parser.parse(source.text, file: source.file, version1: source.isVersion1))
    }
    var compiler = Compiler(bases: bases)
    try compiler.compile(modules)
    rules = compiler.rules.map(EvaluatedRule.init)
    inputPaths = compiler.inputPaths.count
    packages = modules.map(\.package)
    var places: [String: Int] = [:]
    if let first = modules.first {
      for rule in first.rules { places[rule.name] = compiler.place(of: rule.name, in: first.package) }
    }
    self.places = places
  }

  /// Whether the first file has a rule that is a set of what it is true for.
  package func isPartialSet(_ rule: String) -> Bool { places[rule].map { rules[$0].kind == .set } ?? false }

  /// What a rule of the first file says.
  ///
  /// - Parameters:
  ///   - data: documents from outside, below `data`.
  ///   - limits: of steps, and the time that it is.
  /// - Returns: `nil` when it is undefined.
  /// - Throws: `EvaluationError`.
  package func evaluate(
    _ rule: String, input: Value?, data: Value = .object(ObjectValue()), limits: EvaluationLimits
  ) throws(EvaluationError) -> Value? {
    guard let place = places[rule], !rules[place].isFunction else { return nil }
    let evaluation = Evaluation(self, input: input, data: data, limits: limits)
    do { return try evaluation.value(ofRule: place) } catch let error as EvaluationError {
      throw error
    } catch is BudgetExceeded {
      throw .tooLong
    } catch is StackExceeded {
      throw .tooDeep
    } catch {
      throw .conflict("\(error)", rules[place].location)
    }
  }
}

package struct EvaluationLimits: Sendable {
  /// Steps of one evaluation: statements, elements that are looked at, and what built-in functions take.
  package var steps: Int
  package var time: Duration
  /// Nanoseconds since 1970.
  package var now: Int

  package init(steps: Int = 5_000_000, time: Duration = .seconds(2), now: Int = 0) {
    (self.steps, self.time, self.now) = (steps, time, now)
  }
}

package enum EvaluationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// It took more steps, or more time, than it may, or made values too large.
  case tooLong
  /// Rules, statements or values nest too deep.
  case tooDeep
  /// A rule said two things at once.
  case conflict(String, Location)
  /// A function was given something that it does not read.
  case unsupported(String)

  package var description: String {
    switch self {
    case .tooLong: "the evaluation takes too long"
    case .tooDeep: "the evaluation nests too deep"
    case .conflict(let message, let location): "\(location): \(message)"
    case .unsupported(let what): "\(what) is not read"
    }
  }
}
