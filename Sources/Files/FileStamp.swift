/// What differs between a file and one that took its name, or what it was before it changed.
package struct FileStamp: Hashable, Sendable {
  private let device: UInt64
  private let inode: UInt64
  private let size: Int
  /// Of the inode's change, which no program sets at will.
  private let changed: [Int]

  package init(_ status: FileStatus) {
    device = status.device
    inode = status.inode
    size = status.size
    changed = status.inodeChanged
  }
}
