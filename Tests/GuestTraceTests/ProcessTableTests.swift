import Testing

@testable import GuestTrace

@Suite("The processes of a sandbox")
struct ProcessTableTests {
  private func context(_ process: UInt64, start: UInt64 = 1_000) -> TraceMessage.Context {
    var context = TraceMessage.Context()
    context.process = process
    context.processStart = start
    context.thread = process
    return context
  }

  @Test("are made up when their beginning was not seen, and then known") func unseen() {
    var table = ProcessTable()
    let first = table.process(of: context(7))
    #expect(first.id == 7 && first.start == 1_000 && first.parent == nil)
    let again = table.process(of: context(7))
    #expect(again === first)
    #expect(table.count == 1)
  }

  @Test("that are made up are as their event says") func learned() {
    var table = ProcessTable()
    let (name, cwd) = ([UInt8](repeating: 0x61, count: 100), Array("/srv".utf8))
    name.withUnsafeBytes { name in
      cwd.withUnsafeBytes { cwd in
        var told = context(7)
        (told.name, told.cwd, told.hasCredentials) = (name, cwd, true)
        (told.effectiveUser, told.effectiveGroup) = (1_000, 1_001)
        let process = table.process(of: told)
        #expect(process.effectiveUser == 1_000 && process.effectiveGroup == 1_001)
        #expect(process.cwd == Array("/srv".utf8))
        #expect(process.name == [UInt8](repeating: 0x61, count: GuestProcess.longestName))
      }
    }
  }

  @Test("are others when an id comes again with another beginning") func reused() {
    var table = ProcessTable()
    let first = table.process(of: context(7))
    let second = table.process(of: context(7, start: 2_000))
    #expect(first !== second && second.start == 2_000)
    #expect(table.count == 1)
    // A beginning that is not told says nothing.
    let third = table.process(of: context(7, start: 0))
    #expect(third === second)
  }

  @Test("have what their parents had, from then on for themselves") func inherited() {
    let parent = GuestProcess(id: 1, start: 1, parent: nil)
    parent.name = Array("sh".utf8)
    parent.cwd = Array("/a".utf8)
    parent.environment = [Array("A=b".utf8)]
    parent.sessionName = Array("agent".utf8)
    parent[3] = GuestDescriptor(kind: .ipv4, socketType: 1)
    let child = GuestProcess(id: 2, start: 2, parent: parent)
    #expect(child.name == parent.name && child.cwd == parent.cwd && child.environment == parent.environment)
    #expect(child.sessionName == parent.sessionName && child[3]?.kind == .ipv4)
    child[3] = nil
    child.name = Array("ls".utf8)
    #expect(parent[3]?.kind == .ipv4 && parent.name == Array("sh".utf8))
  }

  @Test("have ancestors by number, the process itself being 0") func ancestors() {
    let first = GuestProcess(id: 1, start: 1, parent: nil)
    let second = GuestProcess(id: 2, start: 1, parent: first)
    let third = GuestProcess(id: 3, start: 1, parent: second)
    #expect(third.ancestor(0) === third && third.ancestor(1) === second && third.ancestor(2) === first)
    for index in [-1, 3, 4, Int.max, Int.min] { #expect(third.ancestor(index) == nil) }
  }

  @Test("keep no more ancestors than a bound, however long a chain of forks is") func deep() {
    var process = GuestProcess(id: 0, start: 1, parent: nil)
    for id in 1...10_000 {
      process = GuestProcess(id: UInt64(id), start: 1, parent: process)
      #expect(process.depth <= GuestProcess.deepest)
    }
    var count = 0
    var next = process.parent
    while let ancestor = next {
      count += 1
      next = ancestor.parent
    }
    #expect(count == process.depth && count <= GuestProcess.deepest)
  }

  @Test("are no more than a bound; past it all are forgotten, and it is said") func bound() {
    var table = ProcessTable()
    for id in 0..<UInt64(ProcessTable.mostProcesses) { table.insert(GuestProcess(id: id, start: 1, parent: nil)) }
    #expect(table.count == ProcessTable.mostProcesses && !table.hasOverflowed)
    table.insert(GuestProcess(id: 5, start: 2, parent: nil))
    #expect(table.count == ProcessTable.mostProcesses && !table.hasOverflowed)
    table.insert(GuestProcess(id: .max, start: 1, parent: nil))
    #expect(table.count == 1 && table.hasOverflowed)
    table.remove(.max)
    table.remove(.max)
    #expect(table.count == 0)
  }

  @Test("have a bounded number of descriptors") func descriptors() {
    let process = GuestProcess(id: 1, start: 1, parent: nil)
    for number in 0..<Int64(10_000) { process[number] = GuestDescriptor(kind: .unix) }
    #expect(process.descriptors.count == 4_096)
    // What is there may still change.
    process[0] = GuestDescriptor(kind: .ipv6)
    #expect(process[0]?.kind == .ipv6)
    process[0] = nil
    process[9_999] = GuestDescriptor(kind: .other)
    #expect(process[9_999]?.kind == .other)
    #expect(process.descriptors.count == 4_096)
  }
}
