import Detection

extension GuestEventReader: FieldSource {
  package var eventType: EventType { event.type }

  /// When the event happened, nanoseconds since 1970 by the sandbox's clock.
  package var eventTime: UInt64 { event.time }

  package func value(of field: Int, in arena: ValueArena) -> FieldValue {
    let bound = fields[field]
    guard hasEvent, let known = bound.field else { return .absent }
    switch bound.group {
    case .event: return eventValue(known, field, event, arena)
    case .process: return processValue(known, field, event, arena)
    case .descriptor: return descriptorValue(known, event, arena)
    case .sandbox: return sandbox.map { sandboxValue(known, event, $0, arena) } ?? .absent
    }
  }

  package var epoch: FieldEpoch {
    FieldEpoch(subject: event.process.serial, revision: GuestProcess.revision)
  }

  package func isSteady(_ field: FieldReference) -> Bool { GuestField(field)?.isSteady ?? true }

  // MARK: Events

  private func eventValue(
    _ field: GuestField, _ index: Int, _ event: GuestEvent, _ arena: ValueArena
  ) -> FieldValue {
    switch field {
    case .eventType, .systemCallType: return arena.string(event.type.description)
    case .eventNumber: return .number(event.number)
    case .eventTime, .eventTimeSeconds, .eventTimeISO, .eventDateTime, .eventDateTimeSeconds:
      return EventClock(event.time).value(field, arena)
    case .rawTime: return .number(event.time)
    case .rawTimeSeconds: return .number(event.time / 1_000_000_000)
    case .rawTimeNanoseconds: return .number(event.time % 1_000_000_000)
    case .eventSource: return arena.string("syscall")
    case .isAsync: return .bool(false)
    case .hostName: return arena.string(hostName)
    case .direction: return arena.string("<")
    case .category: return arena.string(EventCategory.name(of: event))
    case .eventCount: return .number(UInt64(1))
    case .arguments, .information: return EventArguments(event, path).all(arena)
    case .argument: return EventArguments(event, path).text(fieldArguments[index], arena)
    case .rawArgument: return EventArguments(event, path).number(fieldArguments[index])
    case .result: return event.result.map { ErrorName.value($0, arena) } ?? .absent
    case .rawResult: return event.result.map { .number($0) } ?? .absent
    case .hasFailed: return event.result.map { .bool($0 < 0) } ?? .absent
    case .isOpenRead: return event.opens { .bool($0.flags & 3 == 0 || $0.flags & 3 == 2) }
    case .isOpenWrite: return event.opens { .bool($0.flags & 3 == 1 || $0.flags & 3 == 2) }
    case .isOpenCreate: return event.opens { .bool($0.flags & 0o100 != 0 && ($0.result ?? -1) >= 0) }
    case .isOpenExec: return event.opens { .bool($0.flags & 0o100 != 0 && $0.mode & 0o111 != 0) }
    default: return .absent
    }
  }

  // MARK: Processes

  private func processValue(
    _ field: GuestField, _ index: Int, _ event: GuestEvent, _ arena: ValueArena
  ) -> FieldValue {
    let process = event.process
    switch field {
    case .processExecutable: return arena.string(process.executable)
    case .processPath: return arena.string(process.path)
    case .processName: return arena.string(process.name)
    case .parentExecutable: return process.parent.map { arena.string($0.executable) } ?? .absent
    case .parentPath: return process.parent.map { arena.string($0.path) } ?? .absent
    case .parentName: return process.parent.map { arena.string($0.name) } ?? .absent
    case .parentCommandLine: return process.parent.map { arena.commandLine($0, name: true) } ?? .absent
    case .ancestorExecutable:
      return ancestors(of: process, fieldArguments[index], arena) { arena.append($0.executable) }
    case .ancestorPath: return ancestors(of: process, fieldArguments[index], arena) { arena.append($0.path) }
    case .ancestorName: return ancestors(of: process, fieldArguments[index], arena) { arena.append($0.name) }
    case .ancestorCommandLine:
      return ancestors(of: process, fieldArguments[index], arena) { arena.append(commandLineOf: $0, name: true) }
    case .processArguments:
      arena.begin()
      if case .index(let index) = fieldArguments[index], index >= 0 {
        // Falco has the empty text past the last one.
        if process.arguments.indices.contains(index) { arena.append(process.arguments[index]) }
      } else {
        arena.append(argumentsOf: process)
      }
      return arena.endString()
    case .commandLine: return arena.commandLine(process, name: true)
    case .executableLine: return arena.commandLine(process, name: false)
    case .argumentCount: return .number(UInt64(process.argumentCount))
    case .argumentLength: return .number(UInt64(process.arguments.reduce(0) { $0 + $1.count }))
    case .environment: return environment(of: process, fieldArguments[index], arena)
    case .workingDirectory: return arena.string(process.cwd)
    case .processID, .processVirtualID: return .number(process.id)
    case .parentID, .parentVirtualID: return process.parent.map { .number($0.id) } ?? .absent
    case .ancestorID:
      if case .index(let index) = fieldArguments[index] {
        return process.ancestor(index).map { .number($0.id) } ?? .absent
      }
      guard process.parent != nil else { return .absent }
      return arena.numbers(sequence(first: process) { $0.parent }.dropFirst().map(\.id))
    case .sessionName: return arena.string(process.sessionName)
    case .processDuration:
      return process.start > 0 && event.time >= process.start ? .number(event.time - process.start) : .absent
    case .processStart: return process.start > 0 ? .number(process.start) : .absent
    case .isFromMemory: return .bool(process.isFromMemory)
    case .isUpperLayer: return .bool(process.isOnWritableMount)
    case .terminal: return .number(UInt64(process.hasTerminal ? 34_816 : 0))
    case .threadID, .threadVirtualID: return .number(event.thread)
    case .isMainThread: return .bool(event.thread == process.id)
    case .userID: return .number(event.user)
    case .groupID: return .number(event.group)
    case .userName:
      arena.begin()
      if event.user == 0 { arena.append("root") } else { arena.append(decimal: event.user) }
      return arena.endString()
    case .loginID: return .number(Int64(-1))
    default: return .absent
    }
  }

  /// One ancestor's text, or those of all.
  private func ancestors(
    of process: GuestProcess, _ argument: FieldReference.Argument, _ arena: ValueArena,
    _ append: (GuestProcess) -> Void
  ) -> FieldValue {
    arena.begin()
    if case .index(let index) = argument {
      guard let ancestor = process.ancestor(index) else { return .absent }
      append(ancestor)
      return arena.endString()
    }
    // Without an index Falco begins with the parent, and has nothing where there is none.
    guard process.parent != nil else { return .absent }
    var next = process.parent
    while let ancestor = next {
      append(ancestor)
      arena.endElement()
      next = ancestor.parent
    }
    return arena.endList()
  }

  /// A variable's value without the blanks around it, and the empty text for one that is not set: so Falco has it. By
  /// a number it has all variables.
  private func environment(
    of process: GuestProcess, _ argument: FieldReference.Argument, _ arena: ValueArena
  ) -> FieldValue {
    arena.begin()
    guard case .key(let key) = argument, !key.isEmpty else {
      for (index, entry) in process.environment.enumerated() {
        if index > 0 { arena.append(byte: UInt8(ascii: " ")) }
        arena.append(entry)
      }
      return arena.endString()
    }
    let prefix = Array(key.utf8) + [UInt8(ascii: "=")]
    // One without a value is passed over: the name may come again.
    if let entry = process.environment.first(where: { $0.count > prefix.count && $0.starts(with: prefix) }) {
      let value = entry.dropFirst(prefix.count).drop { $0 == UInt8(ascii: " ") }
      if let last = value.lastIndex(where: { $0 != UInt8(ascii: " ") }) { arena.append(Array(value[...last])) }
    }
    return arena.endString()
  }

  // MARK: Descriptors

  private func descriptorValue(_ field: GuestField, _ event: GuestEvent, _ arena: ValueArena) -> FieldValue {
    guard let descriptor = event.descriptor else { return .absent }
    if event.shape == .open { return openedFileValue(field, event, descriptor, arena) }
    let known = event.process[descriptor]
    let isFile = event.shape == .plain && known?.kind == .file
    switch field {
    case .descriptorNumber: return .number(descriptor)
    case .descriptorType: return arena.string(isFile ? "file" : event.socketKind(known).typeName)
    case .descriptorTypeCharacter: return arena.string(isFile ? "f" : event.socketKind(known).typeCharacter)
    case .descriptorName:
      return event.address.map { arena.string(of: $0) } ?? known.map { arena.string($0.name) } ?? .absent
    case .clientAddress, .clientNetwork: return event.shape == .accept ? event.remoteAddress : .absent
    case .serverAddress, .serverNetwork: return event.shape == .accept ? .absent : event.remoteAddress
    case .remoteAddress, .remoteNetwork: return event.shape == .bind ? .absent : event.remoteAddress
    case .clientPort: return event.shape == .accept ? event.remotePort : .absent
    case .serverPort: return event.shape == .accept ? .absent : event.remotePort
    case .remotePort: return event.shape == .bind ? .absent : event.remotePort
    case .transport: return known.flatMap { $0.transport.map { arena.string($0) } } ?? .absent
    case .socketFamily:
      return isFile ? .absent : arena.string(event.socketKind(known) == .unix ? "unix" : "ip")
    case .isServer: return .bool(event.shape == .accept || event.shape == .bind)
    default: return .absent
    }
  }

  /// What is known of a file that is opened stands in the event itself.
  private func openedFileValue(
    _ field: GuestField, _ event: GuestEvent, _ descriptor: Int64, _ arena: ValueArena
  ) -> FieldValue {
    switch field {
    case .descriptorNumber: return .number(descriptor)
    case .descriptorType: return arena.string("file")
    case .descriptorTypeCharacter: return arena.string("f")
    case .descriptorName: return arena.string(path)
    case .descriptorRawName: return arena.string(event.rawPath)
    case .descriptorDirectory, .descriptorFileName:
      return path.withUnsafeBytes { bytes in
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return .absent }
        return field == .descriptorFileName
          ? arena.string(UnsafeRawBufferPointer(rebasing: bytes[(slash + 1)...]))
          : arena.string(UnsafeRawBufferPointer(rebasing: bytes[..<max(slash, 1)]))
      }
    case .isServer: return .bool(false)
    default: return .absent
    }
  }

  // MARK: Sandboxes

  private func sandboxValue(
    _ field: GuestField, _ event: GuestEvent, _ sandbox: SandboxEvents, _ arena: ValueArena
  ) -> FieldValue {
    let identity = sandbox.identity
    switch field {
    case .containerID, .containerFullID: return arena.string(identity.container)
    case .containerName, .podName, .agentName: return arena.string(identity.agent)
    case .namespaceName: return arena.string(identity.namespace)
    case .agentTenant: return arena.string(identity.tenant)
    case .podUID, .agentUID: return arena.string(identity.uid)
    case .containerImage, .agentImage: return arena.string(identity.image)
    case .imageRepository: return arena.string(identity.imageRepository)
    case .imageTag: return identity.imageTag.isEmpty ? .absent : arena.string(identity.imageTag)
    case .containerType: return arena.string("gvisor")
    case .isPrivileged, .sharesHostProcesses, .sharesHostNetwork, .sharesHostIPC: return .bool(false)
    case .containerStart: return .number(identity.start)
    case .containerDuration: return event.time >= identity.start ? .number(event.time - identity.start) : .absent
    case .agentTier: return arena.string(identity.tier)
    default: return .absent
    }
  }
}

extension GuestField {
  /// Whether it tells of the process or the sandbox alone, whatever the process does.
  var isSteady: Bool {
    switch self {
    // The time, the thread and its credentials are the event's.
    case .processDuration, .threadID, .threadVirtualID, .isMainThread, .userID, .userName, .groupID,
      .containerDuration:
      false
    default: group == .process || group == .sandbox
    }
  }

  enum Group { case event, process, descriptor, sandbox }

  /// By which part of an event it is told.
  var group: Group {
    switch self {
    case .eventType, .systemCallType, .eventNumber, .eventTime, .eventTimeSeconds, .eventTimeISO, .eventDateTime,
      .eventDateTimeSeconds, .rawTime, .rawTimeSeconds, .rawTimeNanoseconds, .eventSource, .isAsync, .hostName,
      .direction, .category, .arguments, .information, .argument, .rawArgument, .result, .rawResult, .hasFailed,
      .eventCount, .isOpenRead, .isOpenWrite, .isOpenExec, .isOpenCreate:
      .event
    case .descriptorNumber, .descriptorType, .descriptorTypeCharacter, .descriptorName, .descriptorDirectory,
      .descriptorFileName, .descriptorRawName, .clientAddress, .serverAddress, .remoteAddress, .clientPort,
      .serverPort, .remotePort, .transport, .socketFamily, .isServer, .clientNetwork, .serverNetwork, .remoteNetwork:
      .descriptor
    case .containerID, .containerFullID, .containerName, .containerImage, .imageRepository, .imageTag, .containerType,
      .isPrivileged, .containerStart, .containerDuration, .sharesHostProcesses, .sharesHostNetwork, .sharesHostIPC,
      .namespaceName, .podName, .podUID, .agentName, .agentTenant, .agentTier, .agentImage, .agentUID:
      .sandbox
    default: .process
    }
  }
}

extension GuestEvent {
  fileprivate func opens(_ value: (GuestEvent) -> FieldValue) -> FieldValue {
    // Of other calls it is false rather than unknown.
    shape == .open ? value(self) : .bool(false)
  }

  fileprivate var remoteAddress: FieldValue {
    if case .ip(let address, _) = address { return .address(address) }
    return .absent
  }

  fileprivate var remotePort: FieldValue {
    if case .ip(_, let port) = address { return .number(UInt64(port)) }
    return .absent
  }

  fileprivate func socketKind(_ known: GuestDescriptor?) -> GuestDescriptor.Kind {
    switch address {
    case .ip(let address, _): address.isV6 ? .ipv6 : .ipv4
    case .unix: .unix
    case .other, nil: known?.kind ?? .other
    }
  }
}

extension GuestDescriptor.Kind {
  fileprivate var typeName: StaticString {
    switch self {
    case .file: "file"
    case .ipv4: "ipv4"
    case .ipv6: "ipv6"
    case .unix: "unix"
    case .netlink: "netlink"
    case .packet, .other: "other"
    }
  }

  fileprivate var typeCharacter: StaticString {
    switch self {
    case .file: "f"
    case .ipv4: "4"
    case .ipv6: "6"
    case .unix: "u"
    case .netlink: "n"
    case .packet, .other: "o"
    }
  }
}

extension GuestDescriptor {
  /// Falco's name of what runs over a socket.
  fileprivate var transport: StaticString? {
    switch (kind, socketType) {
    case (.ipv4, 1), (.ipv6, 1): "tcp"
    case (.ipv4, 2), (.ipv6, 2): socketProtocol == 1 || socketProtocol == 58 ? "icmp" : "udp"
    case (.ipv4, 3), (.ipv6, 3): "raw"
    default: nil
    }
  }
}

extension GuestProcess {
  /// 0 is the process itself.
  func ancestor(_ index: Int) -> GuestProcess? {
    guard index >= 0, index <= depth else { return nil }
    return sequence(first: self) { $0.parent }.dropFirst(index).first { _ in true }
  }

  /// The image is read-only: what lies elsewhere was written by the agent.
  var isOnWritableMount: Bool {
    isFromMemory || Self.writable.contains { path.starts(with: $0) }
  }

  private static let writable = ["/workspace/", "/tmp/", "/dev/shm/"].map { Array($0.utf8) }
}
