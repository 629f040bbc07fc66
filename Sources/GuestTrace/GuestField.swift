import Detection

/// A field that events of a sandbox have, and where its value comes from.
package enum GuestField: String, CaseIterable, Sendable {
  case eventType = "evt.type"
  case systemCallType = "syscall.type"
  case eventNumber = "evt.num"
  case eventTime = "evt.time"
  case eventTimeSeconds = "evt.time.s"
  case eventTimeISO = "evt.time.iso8601"
  case eventDateTime = "evt.datetime"
  case eventDateTimeSeconds = "evt.datetime.s"
  case rawTime = "evt.rawtime"
  case rawTimeSeconds = "evt.rawtime.s"
  case rawTimeNanoseconds = "evt.rawtime.ns"
  case eventSource = "evt.source"
  case isAsync = "evt.is_async"
  case hostName = "evt.hostname"
  case direction = "evt.dir"
  case category = "evt.category"
  case arguments = "evt.args"
  case information = "evt.info"
  case argument = "evt.arg"
  case rawArgument = "evt.rawarg"
  case result = "evt.res"
  case rawResult = "evt.rawres"
  case hasFailed = "evt.failed"
  case eventCount = "evt.count"
  case isOpenRead = "evt.is_open_read"
  case isOpenWrite = "evt.is_open_write"
  case isOpenExec = "evt.is_open_exec"
  case isOpenCreate = "evt.is_open_create"

  case processExecutable = "proc.exe"
  case parentExecutable = "proc.pexe"
  case ancestorExecutable = "proc.aexe"
  case processPath = "proc.exepath"
  case parentPath = "proc.pexepath"
  case ancestorPath = "proc.aexepath"
  case processName = "proc.name"
  case parentName = "proc.pname"
  case ancestorName = "proc.aname"
  case processArguments = "proc.args"
  case commandLine = "proc.cmdline"
  case parentCommandLine = "proc.pcmdline"
  case ancestorCommandLine = "proc.acmdline"
  case argumentCount = "proc.cmdnargs"
  case argumentLength = "proc.cmdlenargs"
  case executableLine = "proc.exeline"
  case environment = "proc.env"
  case workingDirectory = "proc.cwd"
  case processID = "proc.pid"
  case parentID = "proc.ppid"
  case ancestorID = "proc.apid"
  case processVirtualID = "proc.vpid"
  case parentVirtualID = "proc.pvpid"
  case sessionName = "proc.sname"
  case processDuration = "proc.duration"
  case processStart = "proc.pid.ts"
  case isFromMemory = "proc.is_exe_from_memfd"
  case isUpperLayer = "proc.is_exe_upper_layer"
  case terminal = "proc.tty"
  case threadID = "thread.tid"
  case threadVirtualID = "thread.vtid"
  case isMainThread = "thread.ismain"

  case userID = "user.uid"
  case userName = "user.name"
  case loginID = "user.loginuid"
  case groupID = "group.gid"

  case descriptorNumber = "fd.num"
  case descriptorType = "fd.type"
  case descriptorTypeCharacter = "fd.typechar"
  case descriptorName = "fd.name"
  case descriptorDirectory = "fd.directory"
  case descriptorFileName = "fd.filename"
  case descriptorRawName = "fd.nameraw"
  case clientAddress = "fd.cip"
  case serverAddress = "fd.sip"
  case remoteAddress = "fd.rip"
  case clientPort = "fd.cport"
  case serverPort = "fd.sport"
  case remotePort = "fd.rport"
  case transport = "fd.l4proto"
  case socketFamily = "fd.sockfamily"
  case isServer = "fd.is_server"
  case clientNetwork = "fd.cnet"
  case serverNetwork = "fd.snet"
  case remoteNetwork = "fd.rnet"

  case containerID = "container.id"
  case containerFullID = "container.full_id"
  case containerName = "container.name"
  case containerImage = "container.image"
  case imageRepository = "container.image.repository"
  case imageTag = "container.image.tag"
  case containerType = "container.type"
  case isPrivileged = "container.privileged"
  case containerStart = "container.start_ts"
  case containerDuration = "container.duration"
  case sharesHostProcesses = "container.host_pid"
  case sharesHostNetwork = "container.host_network"
  case sharesHostIPC = "container.host_ipc"
  case namespaceName = "k8s.ns.name"
  case podName = "k8s.pod.name"
  case podUID = "k8s.pod.uid"

  case agentName = "agent.name"
  case agentTenant = "agent.tenant"
  case agentTier = "agent.tier"
  case agentImage = "agent.image"
  case agentUID = "agent.uid"

  /// - Returns: `nil` for a field that gVisor's trace cannot give.
  package init?(_ reference: FieldReference) { self.init(named: reference.definition.name) }

  /// - Parameter name: without an argument.
  package init?(named name: String) {
    // Either end of a connection: conditions with them are made of its two ends.
    if ["fd.ip", "fd.port", "fd.net", "fd.proto"].contains(name) {
      self = .serverAddress
      return
    }
    self.init(rawValue: name)
  }

  /// Where its value comes from.
  package var origin: String {
    switch self {
    case .eventType, .systemCallType, .eventNumber, .direction, .category, .eventCount, .eventSource, .isAsync,
      .hostName, .containerType, .isPrivileged, .sharesHostProcesses, .sharesHostNetwork, .sharesHostIPC, .loginID:
      "known of every event"
    case .eventTime, .eventTimeSeconds, .eventTimeISO, .eventDateTime, .eventDateTimeSeconds, .rawTime,
      .rawTimeSeconds, .rawTimeNanoseconds:
      "the sandbox's clock"
    case .arguments, .information, .argument, .rawArgument: "the call's arguments, as far as gVisor tells them"
    case .result, .rawResult, .hasFailed: "the call's result, where the event is of its end"
    case .isOpenRead, .isOpenWrite, .isOpenExec, .isOpenCreate: "flags and mode of open"
    case .environment: "the program's environment when it was started"
    case .isFromMemory, .isUpperLayer: "the program's path: a memfd, or below /workspace, /tmp or /dev/shm"
    case .terminal: "whether the sandbox was started with a terminal"
    case .userName: "root for uid 0, otherwise the number"
    case .userID, .groupID: "the thread's credentials before the call"
    case .clientAddress, .serverAddress, .remoteAddress, .clientPort, .serverPort, .remotePort, .clientNetwork,
      .serverNetwork, .remoteNetwork, .isServer:
      "the address of connect, bind or accept; the other end only"
    case .transport, .socketFamily: "the socket call that made the descriptor"
    case .descriptorNumber, .descriptorType, .descriptorTypeCharacter, .descriptorName, .descriptorDirectory,
      .descriptorFileName, .descriptorRawName:
      "the path or address of the call; links are not resolved"
    case .containerID, .containerFullID, .containerName, .containerImage, .imageRepository, .imageTag, .containerStart,
      .containerDuration, .namespaceName, .podName, .podUID, .agentName, .agentTenant, .agentTier, .agentImage,
      .agentUID:
      "the agent's specification"
    default: "the sandbox's processes, from their beginning on"
    }
  }
}
