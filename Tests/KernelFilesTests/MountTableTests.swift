import Testing

@testable import KernelFiles

@Suite("The mount table") struct MountTableTests {
  @Test("tells source, target and type of each line, as they were before the kernel escaped them") func escapes() {
    let text = #"""
      /dev/vda / ext4 rw,relatime 0 0
      //server/our\040share /mnt/with\040space\011tab\012line\134back cifs rw 0 0
      /a/workspace.img /srv/größe fuse.gocryptfs rw 0 0

      """#
    let table = mountTable(text)
    #expect(table.map(\.source) == ["/dev/vda", "//server/our share", "/a/workspace.img"])
    #expect(table.map(\.target) == ["/", "/mnt/with space\ttab\nline\\back", "/srv/größe"])
    #expect(table.map(\.type) == ["ext4", "cifs", "fuse.gocryptfs"])
  }

  @Test(
    "leaves a backslash alone that begins no escape",
    arguments: [#"end\"#, #"short\04"#, #"other\x40b"#, #"large\777"#, #"no\089"#, #"sign\+12"#])
  func backslash(path: String) {
    #expect(mountTable("none \(path) tmpfs rw 0 0").map(\.target) == [path])
  }

  @Test("has no entry for a line that is cut off") func short() {
    #expect(mountTable("none /tmp\n\n") == [])
  }

  @Test("is the kernel's own") func kernel() throws {
    #expect(try mountTable().contains { $0.target == "/proc" && $0.type == "proc" })
  }
}
