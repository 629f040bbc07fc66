import Glibc
import KernelFiles
import Testing

@Suite("A file of the kernel") struct KernelFileTests {
  @Test("is read to its end, however many pieces the kernel gives it in") func whole() throws {
    // Each mapping is a line; the list of a process with this many is far longer than a page.
    var mappings: [UnsafeMutableRawPointer] = []
    let size = Int(getpagesize())
    for number in 0..<400 {
      // Every other one readable only, or the kernel would make one mapping of all.
      let protection = number % 2 == 0 ? PROT_READ : PROT_READ | PROT_WRITE
      let place = mmap(nil, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
      mappings.append(try #require(place))
    }
    defer { for mapping in mappings { munmap(mapping, size) } }
    let text = try kernelFile("/proc/self/maps")
    #expect(text.utf8.count > 3 * 4096)
    #expect(text.contains("[stack]"), "which stands near the end")
  }

  @Test("that is not there is told by its path") func absent() {
    let failure = #expect(throws: KernelFileFailure.self) { try kernelFile("/proc/self/nothing") }
    #expect(failure?.code == ENOENT)
    #expect(failure.map { "\($0)" } == "/proc/self/nothing: No such file or directory")
  }
}
