/// Matches events against rules, one after the other. Not thread-safe: each thread has its own.
///
/// Nothing is allocated for an event that matches no rule, except where a regular expression meets text that is no
/// ASCII, where lists are compared with each other, and where terms are made from several values or from lists.
package final class Matcher {
  package let rules: CompiledRules
  package let arena = ValueArena()

  /// Rules that matched the last event, in the order of their definition.
  package private(set) var matches: [Int] = []

  private let source: any FieldSource
  private var epoch = FieldEpoch()
  private let scratch: MatcherScratch
  private let program: Program

  /// Where the rules' buffers are: nothing is counted when they are read. `rules` keeps them.
  private struct Program {
    let nodes: UnsafePointer<GraphNode>
    let children: UnsafePointer<Int32>
    let checks: UnsafePointer<HotCheck>
    let operands: UnsafeRawPointer
    let steps: UnsafePointer<RuleProgram.Step>
    let ranges: UnsafePointer<Range<Int>>
    let slotFields: UnsafePointer<Int32>

    init(_ rules: CompiledRules) {
      (nodes, children, checks) = (rules.nodes.pointer, rules.children.pointer, rules.hotChecks.pointer)
      (operands, steps) = (UnsafeRawPointer(rules.operands.pointer), rules.steps.pointer)
      (ranges, slotFields) = (rules.programs.pointer, rules.slotFields.pointer)
    }
  }

  package init(_ rules: CompiledRules, source: any FieldSource) {
    self.rules = rules
    self.source = source
    scratch = MatcherScratch(slots: rules.terms.count, steady: rules.steadyNodes(source.isSteady))
    program = Program(rules)
  }

  deinit { scratch.free() }

  /// Matches the event that the source now tells of; `matches` has the result.
  ///
  /// - Returns: whether any rule matched.
  @discardableResult
  package func match() -> Bool {
    if !matches.isEmpty { matches.removeAll(keepingCapacity: true) }
    let range = program.ranges[source.eventType.index]
    if range.isEmpty { return false }
    begin()
    var place = range.lowerBound
    while place < range.upperBound {
      let step = program.steps[place]
      if step.node < 0 {
        matches.append(Int(step.target))
        place += 1
      } else {
        place = isTrue(step.node) ? place + 1 : range.lowerBound + Int(step.target)
      }
    }
    if matches.count > 1 { matches.sort() }
    return !matches.isEmpty
  }

  private func begin() {
    // What was answered by values that were cut must not be kept.
    let wasFull = arena.isFull
    arena.reset()
    scratch.begin(0)
    let next = source.epoch
    if next != epoch || wasFull || scratch.stamp[1] == 0 {
      epoch = next
      scratch.begin(1)
    }
  }

  // MARK: Conditions

  @inline(__always)
  private func isTrue(_ node: Int32) -> Bool {
    let index = Int(node)
    let stamp = scratch.stamp[Int(scratch.nodeStamps[index])]
    let known = scratch.answers[index]
    if known & ~1 == stamp { return known & 1 != 0 }
    let content = program.nodes[index]
    // Most are checks, and a branch that is foreseen is cheaper than a jump.
    let answer = content.kind == .check ? isTrue(check: Int(content.first)) : compute(content)
    scratch.answers[index] = stamp | (answer ? 1 : 0)
    return answer
  }

  private func compute(_ node: GraphNode) -> Bool {
    switch node.kind {
    case .false: return false
    case .true: return true
    case .check: return isTrue(check: Int(node.first))
    case .not: return !isTrue(node.first)
    case .and:
      let children = program.children + Int(node.first)
      for index in 0..<Int(node.count) where !isTrue(children[index]) { return false }
      return true
    case .or:
      let children = program.children + Int(node.first)
      for index in 0..<Int(node.count) where isTrue(children[index]) { return true }
      return false
    }
  }

  private func isTrue(check index: Int) -> Bool {
    let hot = program.checks[index]
    if hot.kind == .slow { return isTrue(rules.checks[index]) }
    let value = value(of: Int(hot.slot))
    switch value.kind {
    case .absent: return false
    case .bytes: return hot.kind == .exists || isTrue(hot, arena.bytes(of: value))
    case .number: return hot.kind == .exists || isTrue(hot, value.first)
    case .addressV4, .addressV6: return hot.kind == .exists || isTrue(hot, address: value)
    case .list, .numbers: return isTrue(rules.checks[index])
    }
  }

  @inline(__always)
  private func isTrue(_ hot: HotCheck, _ text: UnsafeRawBufferPointer) -> Bool {
    switch hot.kind {
    case .set:
      let set = rules.sets[Int(hot.offset)]
      return set.mayContain(length: text.count) && set.contains(text, hash: hash(of: Int(hot.slot), text))
    case .affixes: return rules.affixes[Int(hot.offset)].match(text)
    case .equal: return text.count == Int(hot.length) && compareBytes(text, operand(hot)) == 0
    case .notEqual: return text.count != Int(hot.length) || compareBytes(text, operand(hot)) != 0
    case .prefix: return hasPrefix(text, operand(hot))
    case .suffix: return hasSuffix(text, operand(hot))
    case .contains: return Detection.contains(text, operand(hot))
    case .glob: return Glob.matches(text, pattern: operand(hot))
    case .paths: return rules.paths[Int(hot.offset)].match(text)
    default: return false
    }
  }

  @inline(__always)
  private func isTrue(_ hot: HotCheck, _ number: UInt64) -> Bool {
    switch hot.kind {
    case .unsignedEqual: return number == hot.number
    case .numbers:
      let numbers = rules.numbers.pointer + Int(hot.offset)
      for index in 0..<Int(hot.length) where numbers[index] == number { return true }
      return false
    case .unsignedNotEqual: return number != hot.number
    case .signedLess: return Int64(bitPattern: number) < Int64(bitPattern: hot.number)
    case .signedLessOrEqual: return Int64(bitPattern: number) <= Int64(bitPattern: hot.number)
    case .signedGreater: return Int64(bitPattern: number) > Int64(bitPattern: hot.number)
    case .signedGreaterOrEqual: return Int64(bitPattern: number) >= Int64(bitPattern: hot.number)
    default: return false
    }
  }

  private func isTrue(_ hot: HotCheck, address value: FieldValue) -> Bool {
    guard hot.kind == .addresses || hot.kind == .noAddresses else { return false }
    let addresses = rules.addresses.pointer + Int(hot.offset)
    for index in 0..<Int(hot.length)
    where addresses[index].low == value.second && addresses[index].high == value.first
      && addresses[index].isV6 == (value.kind == .addressV6)
    {
      return hot.kind == .addresses
    }
    return hot.kind == .noAddresses
  }

  @inline(__always)
  private func operand(_ check: HotCheck) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: program.operands + Int(check.offset), count: Int(check.length))
  }

  private func isTrue(_ check: CompiledCheck) -> Bool {
    let value = value(of: check.slot)
    switch value.kind {
    case .absent: return false
    case .list: return isTrue(check, ofList: value)
    case .numbers:
      return (0..<Int(value.second)).contains {
        isTrue(check, FieldValue(.number, arena.number($0, of: value)), slot: -1)
      }
    case .number, .bytes, .addressV4, .addressV6: return isTrue(check, value, slot: check.slot)
    }
  }

  private func isTrue(_ check: CompiledCheck, ofList value: FieldValue) -> Bool {
    if case .exists = check.test { return true }
    if case .term(let comparison, let other) = check.test {
      return check.isList && compareLists(comparison, value, self.value(of: other))
    }
    let needsAll = check.isList && check.requiresAll
    var offset = value.first
    let end = value.first + value.second
    while offset < end {
      let bytes = arena.bytes(of: FieldValue(.bytes, offset, end - offset))
      let length = bytes.firstIndex(of: 0) ?? bytes.count
      let element = FieldValue(.bytes, offset, UInt64(length))
      if isTrue(check, element, slot: -1) != needsAll { return !needsAll }
      offset += UInt64(length) + 1
    }
    return needsAll
  }

  private func compareLists(_ comparison: Comparison.Operator, _ left: FieldValue, _ right: FieldValue) -> Bool {
    guard right.kind == .list else { return false }
    let wanted = Set(words(of: right))
    let own = words(of: left)
    return comparison == .in ? own.allSatisfy(wanted.contains) : own.contains(where: wanted.contains)
  }

  /// - Parameter slot: where the value stands, to keep its hash; -1 for an element of a list.
  private func isTrue(_ check: CompiledCheck, _ value: FieldValue, slot: Int) -> Bool {
    isTrue(check.test, check.type, value, slot: slot)
  }

  private func isTrue(_ test: CompiledCheck.Test, _ type: ValueType, _ value: FieldValue, slot: Int) -> Bool {
    switch test {
    case .exists: return true
    case .never: return false
    case .number(let comparison, let literal): return compare(comparison, value.first, literal)
    case .numbers(let literals): return literals.contains { compare(.equal, value.first, $0) }
    case .bytes(let comparison, let operand):
      let text = arena.bytes(of: value)
      return operand.withUnsafeBytes { compare(comparison, text, $0) }
    case .set(let set):
      guard set.mayContain(length: Int(value.second)) else { return false }
      let text = arena.bytes(of: value)
      return set.contains(text, hash: slot < 0 ? byteHash(text) : hash(of: slot, text))
    case .paths(let paths): return paths.match(arena.bytes(of: value))
    case .affixes(let affixes): return affixes.match(arena.bytes(of: value))
    case .regex(let regex): return regex.matches(arena.bytes(of: value))
    case .address(let comparison, let addresses):
      let isThere = addresses.contains {
        $0.isV6 == (value.kind == .addressV6) && $0.high == value.first && $0.low == value.second
      }
      return comparison == .notEqual ? !isThere : isThere
    case .network(let comparison, let networks):
      let isThere = networks.contains {
        $0.contains(isV6: value.kind == .addressV6, high: value.first, low: value.second)
      }
      return comparison == .notEqual ? !isThere : isThere
    case .several(let modifier, let tests):
      return agree(modifier, tests, type, value, slot: slot)
    case .term(let comparison, let other):
      return compare(comparison, type, value, self.value(of: other))
    }
  }

  private func agree(
    _ modifier: Comparison.Modifier, _ tests: [CompiledCheck.Test], _ type: ValueType, _ value: FieldValue, slot: Int
  ) -> Bool {
    var count = 0
    for test in tests {
      let answer = isTrue(test, type, value, slot: slot)
      switch modifier {
      case .anyof: if answer { return true }
      case .allof: if !answer { return false }
      case .oneof: if answer { count += 1 }
      }
      if count > 1 { return false }
    }
    return modifier == .allof || count == 1
  }

  @inline(__always)
  private func compare(_ comparison: Comparison.Operator, _ bits: UInt64, _ literal: Literal) -> Bool {
    switch literal {
    case .unsigned(let number): ordered(comparison, bits, number)
    case .signed(let number): ordered(comparison, Int64(bitPattern: bits), number)
    case .bool(let value): ordered(comparison, bits, value ? 1 : 0)
    case .double(let number): ordered(comparison, Double(bitPattern: bits), number)
    case .bytes, .address, .network: false
    }
  }

  @inline(__always)
  private func ordered<Value: Comparable>(_ comparison: Comparison.Operator, _ left: Value, _ right: Value) -> Bool {
    switch comparison {
    case .equal, .in, .intersects: left == right
    case .notEqual: left != right
    case .less: left < right
    case .lessOrEqual: left <= right
    case .greater: left > right
    case .greaterOrEqual: left >= right
    default: false
    }
  }

  private func compare(
    _ comparison: Comparison.Operator, _ text: UnsafeRawBufferPointer, _ operand: UnsafeRawBufferPointer
  ) -> Bool {
    switch comparison {
    case .equal, .in, .intersects: text.count == operand.count && compareBytes(text, operand) == 0
    case .notEqual: text.count != operand.count || compareBytes(text, operand) != 0
    case .less: compareBytes(text, operand) < 0
    case .lessOrEqual: compareBytes(text, operand) <= 0
    case .greater: compareBytes(text, operand) > 0
    case .greaterOrEqual: compareBytes(text, operand) >= 0
    case .contains, .bcontains: Detection.contains(text, operand)
    case .icontains: containsIgnoringCase(text, operand)
    case .startswith, .bstartswith: hasPrefix(text, operand)
    case .endswith: hasSuffix(text, operand)
    case .glob: Glob.matches(text, pattern: operand)
    case .iglob: Glob.matches(text, pattern: operand, ignoringCase: true)
    case .pmatch, .regex, .exists: false
    }
  }

  /// Compares the values of two terms, which have the same type.
  private func compare(
    _ comparison: Comparison.Operator, _ type: ValueType, _ left: FieldValue, _ right: FieldValue
  ) -> Bool {
    guard left.kind == right.kind else {
      // Addresses of the two families are never equal.
      return comparison == .notEqual && !right.isAbsent
    }
    switch left.kind {
    case .absent, .numbers, .list: return false
    case .addressV4, .addressV6:
      return (left.first == right.first && left.second == right.second) != (comparison == .notEqual)
    case .number:
      switch type.family {
      case .signed: return ordered(comparison, Int64(bitPattern: left.first), Int64(bitPattern: right.first))
      case .double: return ordered(comparison, Double(bitPattern: left.first), Double(bitPattern: right.first))
      default: return ordered(comparison, left.first, right.first)
      }
    case .bytes:
      let (text, operand) = (arena.bytes(of: left), arena.bytes(of: right))
      guard comparison == .icontains else { return compare(comparison, text, operand) }
      return operand.map(lowercased).withUnsafeBytes { compare(comparison, text, $0) }
    }
  }

  private func hash(of slot: Int, _ text: UnsafeRawBufferPointer) -> UInt64 {
    if scratch.hashStamps[slot] != scratch.stamp.pointee {
      scratch.hashes[slot] = byteHash(text)
      scratch.hashStamps[slot] = scratch.stamp.pointee
    }
    return scratch.hashes[slot]
  }

  // MARK: Values

  /// The value of a term for the event at hand.
  @inline(__always)
  func value(of slot: Int) -> FieldValue {
    if scratch.valueStamps[slot] == scratch.stamp.pointee { return scratch.values[slot] }
    return newValue(of: slot)
  }

  @inline(never)
  private func newValue(of slot: Int) -> FieldValue {
    let field = program.slotFields[slot]
    let value = field >= 0 ? source.value(of: Int(field), in: arena) : combine(rules.terms[slot])
    scratch.values[slot] = value
    scratch.valueStamps[slot] = scratch.stamp.pointee
    return value
  }
}
