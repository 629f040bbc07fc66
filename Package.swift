// swift-tools-version: 6.2
import PackageDescription

// The rooms of the house, in layer order. A target imports lower layers only; one room imports each heavy
// package. Tests/HouseTests holds the same table and fails when the two differ.

let swift: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let bigInt = Target.Dependency.product(name: "BigInt", package: "BigInt")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(name: "HummingbirdTesting", package: "hummingbird")
let hummingbirdTLS = Target.Dependency.product(name: "HummingbirdTLS", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHPACK = Target.Dependency.product(name: "NIOHPACK", package: "swift-nio-http2")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioWebSocket = Target.Dependency.product(name: "NIOWebSocket", package: "swift-nio")
let nioFoundation = Target.Dependency.product(name: "NIOFoundationCompat", package: "swift-nio")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let swiftASN1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

func room(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil) -> Target {
  .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: swift)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: swift)
}

let package = Package(
  name: "lobstack",
  products: [.executable(name: "lobstack", targets: ["lobstack"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-asn1", exact: "1.7.4"),
    .package(url: "https://github.com/apple/swift-certificates", exact: "1.21.1"),
    .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-http2", exact: "1.46.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
    .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
    .package(url: "https://github.com/attaswift/BigInt", exact: "6.0.1"),
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2"),
  ],
  targets: [
    // 0. The kernel.

    /** System calls that Swift's Glibc module does not import (variadic or newer than the headers). */
    .target(name: "CLinux"),
    /** RE2, regular expressions in linear time, by C functions. */
    .target(name: "CRE2", linkerSettings: [.linkedLibrary("re2")]),

    // 1. Foundations: values, and the few things of the system that many rooms need.

    /** Files of the kernel (/proc, /sys) as text. */
    room("KernelFiles", []),
    /** The shape of an error: code, operation, reason, remedy, cause. */
    room("Faults", []),
    /** Parsed values: names, the Agent's spec, tiers, sizes, durations. */
    room("AgentModel", []),
    /** JSON: text to values and back. */
    room("JSONValues", []),
    /** Typed Kubernetes documents as they cross the wire. */
    room("Documents", []),
    /** YAML and JSON text to values, every error with its line and field path. */
    room("Manifests", ["Faults", "JSONValues", yams]),
    /** OpenBao's configuration language: text to values, every error with its line. */
    room("HCL", ["Faults"]),
    /** Length-prefixed frames of a byte stream. */
    room("Framing", [nioCore]),
    /** Callers that must not interleave, one after the other. */
    room("Turns", []),
    /** Work that is given so much time, and the clocks that tell. */
    room("Deadlines", ["CLinux"]),
    /** Threads for calls that block. */
    room("Threads", []),
    /** Bytes as text. */
    room("TextEncodings", []),
    /** Services that run until the task is cancelled, and end in good order. */
    room("ServiceGroups", [logging, serviceLifecycle]),
    /** That a server's certificate is for the name it was asked by. */
    room("ServerIdentities", [asyncHTTPClient, nioCore, nioSSL]),
    /** Who is at the other end of a Unix socket. */
    room("SocketPeer", [nioCore]),
    /** Counters and histograms, and Prometheus' text form of them. */
    room("Instruments", []),
    /** Files that are there whole or not at all. */
    room("Files", ["Faults"]),
    /** Text of others in Markdown, where it means nothing. */
    room("Markdown", []),
    /** The JSON of the HTTP API. */
    room("APIModel", ["AgentModel", "Faults"]),

    // 2. Engines: values in, values out; no I/O, no clock.

    /** The page that operators see in a browser: its files. */
    room(
      "Dashboard", ["TextEncodings", crypto],
      resources: [
        .embedInCode("Files/agent-actions.js"),
        .embedInCode("Files/agent-egress.js"),
        .embedInCode("Files/alert-stream.js"),
        .embedInCode("Files/alert-table.js"),
        .embedInCode("Files/api.js"),
        .embedInCode("Files/app.js"),
        .embedInCode("Files/audit-proof.js"),
        .embedInCode("Files/denial-words.js"),
        .embedInCode("Files/dom.js"),
        .embedInCode("Files/egress.js"),
        .embedInCode("Files/icon.svg"),
        .embedInCode("Files/index.html"),
        .embedInCode("Files/layer-picture.js"),
        .embedInCode("Files/layers.js"),
        .embedInCode("Files/logs.js"),
        .embedInCode("Files/messages.js"),
        .embedInCode("Files/router.js"),
        .embedInCode("Files/run-chart.js"),
        .embedInCode("Files/session.js"),
        .embedInCode("Files/start.js"),
        .embedInCode("Files/states.js"),
        .embedInCode("Files/style.css"),
        .embedInCode("Files/table.js"),
        .embedInCode("Files/text.js"),
        .embedInCode("Files/usage.js"),
        .embedInCode("Files/view-agent.js"),
        .embedInCode("Files/view-agents.js"),
        .embedInCode("Files/view-alerts.js"),
        .embedInCode("Files/view-audit-record.js"),
        .embedInCode("Files/view-audit.js"),
        .embedInCode("Files/view-denials.js"),
        .embedInCode("Files/view-login.js"),
        .embedInCode("Files/view-new-agent.js"),
        .embedInCode("Files/view-platform.js"),
        .embedInCode("Files/view-soc2.js"),
        .embedInCode("Files/view-verify.js"),
      ]),
    /** Compiles an Agent with the platform's policy into documents. */
    room("Blueprint", ["AgentModel", "Documents", "Faults", "Manifests"]),
    /** Merkle log: record bytes, tree, proofs, checkpoints. */
    room("AuditLog", ["Faults", "TextEncodings", crypto]),
    /** DNS queries of agents to answers, and what was refused, by it or in a proxy's log, to denials. */
    room("NameResolution", ["AgentModel", "APIModel", "Faults"]),
    /** Falco's rules: text to a compiled matcher, events to alerts. */
    room("Detection", ["AgentModel", "CRE2", "Faults", "Manifests"]),
    /** Policies in Rego: text to a program, input to what its rules say. */
    room("Rego", ["CRE2", bigInt, yams]),
    /** Gatekeeper's templates and constraints: an object to a decision. */
    room("Admission", ["Faults", "Manifests", "Rego", "TextEncodings", crypto]),
    /** Trust Services Criteria: controls, and what an audit log shows for them. */
    room("Compliance", ["APIModel", "Markdown"]),
    /** gVisor's trace of a sandbox: messages to events, and the processes behind them. */
    room("GuestTrace", ["Detection"]),
    /** The platform and its agents as documents of a Kubernetes cluster. */
    room(
      "KubernetesRendering",
      [
        "AgentModel", "Blueprint", "Documents", "Faults", "GuestTrace", "HCL", "JSONValues", "Manifests",
        "TextEncodings", crypto,
      ],
      resources: [.embedInCode("Files/lobstack.json"), .embedInCode("Files/lobstack.rules.yaml")]),
    /** Desired and observed state to ordered steps. */
    room("Planning", ["AgentModel"]),

    // 3. Drivers: each owns one outside thing.

    /** Runs programs: once with bounds, or streaming. */
    room("ChildProcess", ["Deadlines", "Faults", logging, subprocess, systemPackage]),
    /** OCI images to shared read-only root file systems. */
    room("Images", ["AgentModel", "ChildProcess", "Faults", "Turns", crypto, logging]),
    /** runsc: bundles, lifecycle, limits. */
    room("Sandbox", ["AgentModel", "ChildProcess", "CLinux", "Documents", "Faults", "KernelFiles", logging]),
    /** NetworkPolicy to nft elements, network namespaces, veth pairs, denial events. */
    room(
      "NetworkIsolation", ["AgentModel", "ChildProcess", "CLinux", "Documents", "Faults", "Threads", "Turns", logging]),
    /** Alerts, and checkpoints of the audit log, to a file, to syslog and to a web server. */
    room(
      "AlertForwarding",
      [
        "AgentModel", "APIModel", "AuditLog", "Faults", "Files", "ServerIdentities", "TextEncodings", asyncHTTPClient,
        crypto, logging,
        nioCore, nioHTTP1,
      ]),
    /** Envoy: its configuration, and whether it runs it. */
    room("Proxy", ["AgentModel", "Faults", "JSONValues", "TextEncodings", "Turns", nioCore, nioHTTP1, nioPosix]),
    /** Certificates of public authorities, by the ACME client lego. */
    room("ACMEClient", ["AgentModel", "ChildProcess", "Faults"]),
    /** X.509- and JWT-SVIDs: who issues them, who is believed. */
    room("CertificateAuthority", ["AgentModel", "Faults", "TextEncodings", crypto, swiftASN1, x509]),
    /** OpenBao and HashiCorp Vault: its API, what is provisioned in it, how one is run. */
    room(
      "SecretStore",
      [
        "AgentModel", "CertificateAuthority", "Faults", "Files", "HCL", "ServerIdentities", "TextEncodings", "Turns",
        asyncHTTPClient,
        logging, nioCore, nioHTTP1, nioSSL,
      ]),
    /** The Kubernetes API: who to ask and as whom, requests, watches, leases, programs run in Pods. */
    room(
      "KubernetesAPI",
      [
        "ChildProcess", "Deadlines", "Faults", "JSONValues", "Manifests", "ServerIdentities", "TextEncodings", "Turns",
        asyncHTTPClient,
        logging, nioCore, nioHTTP1, nioPosix, nioSSL, nioTLS, nioWebSocket,
      ]),
    /** Agents as a cluster has them: objects of its API to agents. */
    room("ClusterAgents", ["AgentModel", "Blueprint", "Documents", "Faults", "JSONValues", "KubernetesAPI"]),
    /** DNS over UDP and TCP, on a thread of its own. */
    room(
      "NameServing",
      ["AgentModel", "Deadlines", "Faults", "Files", "NameResolution", "Threads", logging]),
    /** The certificate that a server shows, and shows anew when its files change. */
    room("ServerCertificates", ["Faults", "Files", hummingbirdTLS, logging, nioCore, nioSSL]),
    /** How a program of a cluster does, over HTTP: for the kubelet and for Prometheus. */
    room("Probes", ["AgentModel", "Instruments", hummingbird, hummingbirdCore, logging, nioCore]),
    /** SQLite state, the append-only audit file. */
    room("Storage", ["AgentModel", "APIModel", "AuditLog", "Faults", crypto, grdb, logging]),
    /** The typed requests that the control plane makes of the node, with their framing on a Unix socket. */
    room(
      "NodeProtocol",
      [
        "AgentModel", "CLinux", "Deadlines", "Documents", "Faults", "Framing", "SecretStore", "SocketPeer", logging,
        nioCore, nioFoundation, nioPosix,
      ]),

    // 4. Services: one process or one face each.

    /** Agents on this machine: observe, plan, execute; the only root process. */
    room(
      "Node",
      [
        "AgentModel", "CertificateAuthority", "ChildProcess", "CLinux", "Deadlines", "Documents", "Faults", "Files",
        "Framing", "GuestTrace", "Images", "KernelFiles", "NameResolution", "NetworkIsolation", "NodeProtocol",
        "Planning", "Proxy", "Sandbox", "SecretStore", "TextEncodings", "Turns", crypto, logging, nioCore,
        serviceLifecycle,
      ]),
    /** The SPIFFE Workload API on a Unix socket. */
    room(
      "WorkloadAPI",
      ["AgentModel", "CertificateAuthority", "Faults", "SocketPeer", logging, nioCore, nioHPACK, nioHTTP2, nioPosix]),
    /** The HTTP API, its rules and the desired state. */
    room(
      "ControlPlane",
      [
        "ACMEClient", "Admission", "AgentModel", "AlertForwarding", "APIClient", "APIModel", "AuditLog", "Blueprint",
        "CertificateAuthority", "ClusterAgents", "Compliance", "Dashboard",
        "Deadlines", "Faults", "Files", "Framing", "Instruments", "JSONValues", "KernelFiles", "KubernetesAPI",
        "KubernetesRendering", "NameResolution", "NodeProtocol", "Probes", "Proxy", "Rego",
        "SecretStore", "ServerCertificates", "ServiceGroups", "SocketPeer",
        "Storage",
        "TextEncodings", "Turns", "WorkloadAPI", crypto, httpTypes, hummingbird, hummingbirdCore, hummingbirdTLS,
        logging, nioCore,
        nioPosix, nioSSL, serviceLifecycle,
      ], resources: [.embedInCode("openapi.json")]),
    /** A validating admission webhook of Kubernetes. */
    room(
      "AdmissionWebhook",
      [
        "Admission", "AgentModel", "Faults", "Instruments", "Rego", "ServerCertificates", "ServiceGroups", hummingbird,
        hummingbirdCore, hummingbirdTLS, logging, nioCore, serviceLifecycle,
      ]),
    /** Client of the HTTP API. */
    room(
      "APIClient",
      [
        "AgentModel", "APIModel", "Deadlines", "Faults", "Framing", "ServerIdentities", "TextEncodings",
        asyncHTTPClient, logging,
        nioCore, nioFoundation, nioHTTP1, nioSSL,
      ]),
    /** Reads what agents can influence (denied packets), without privileges. */
    room(
      "Sentinel",
      [
        "APIClient", "APIModel", "AgentModel", "AlertForwarding", "CLinux", "ClusterAgents", "Deadlines", "Detection",
        "Documents", "Faults", "Files", "GuestTrace", "Instruments", "JSONValues", "KernelFiles", "KubernetesAPI",
        "NameResolution", "NameServing", "NetworkIsolation", "NodeProtocol", "Probes", "Threads", logging,
        serviceLifecycle,
      ]),
    /** The DNS of a cluster's agents. */
    room(
      "ClusterNames",
      [
        "AgentModel", "APIModel", "ClusterAgents", "Faults", "Instruments", "JSONValues", "KubernetesAPI",
        "KubernetesRendering", "NameResolution", "NameServing", "Probes", "Threads", logging,
      ]),
    /** The Agents of a Kubernetes cluster: their objects as their documents say. */
    room(
      "Operator",
      [
        "AgentModel", "Blueprint", "ClusterAgents", "Documents", "Faults", "Instruments", "JSONValues", "KubernetesAPI",
        "KubernetesRendering", "Probes", "SecretStore", logging, nioCore, nioPosix,
      ]),
    /** Starts, watches, stops the platform's processes; checks the machine. */
    room(
      "Supervision",
      [
        "AgentModel", "AlertForwarding", "APIClient", "APIModel", "AuditLog", "CertificateAuthority", "ChildProcess",
        "CLinux", "Faults", "Files", "JSONValues", "KernelFiles", "NetworkIsolation", "Proxy", "Sandbox", "SecretStore",
        "Storage", "TextEncodings",
        crypto, logging, serviceLifecycle, unixSignals,
      ]),
    /** Attacks the platform to prove its controls. */
    room(
      "Verification",
      [
        "AgentModel", "APIClient", "APIModel", "Blueprint", "CertificateAuthority", "ChildProcess", "CLinux",
        "Compliance", "Deadlines", "Documents", "Faults", "Files", "KernelFiles", "Manifests", "Markdown",
        "NetworkIsolation", "NodeProtocol",
        "Sandbox", "SecretStore", "Storage", "Turns",
      ]),
    /** Attacks the platform of a cluster to prove its controls. */
    room(
      "ClusterVerification",
      [
        "AgentModel", "APIClient", "APIModel", "AuditLog", "Blueprint", "CLinux", "ChildProcess", "Faults", "Files",
        "JSONValues", "KernelFiles", "KubernetesAPI", "KubernetesRendering", "SecretStore", "Storage", "Verification",
        logging,
      ]),

    // 5. The program: parse arguments, wire, run.

    .executableTarget(
      name: "lobstack",
      dependencies: [
        "Admission", "AdmissionWebhook", "AgentModel", "AlertForwarding", "APIClient", "APIModel", "AuditLog",
        "Blueprint", "ClusterNames", "ClusterVerification", "Compliance", "ControlPlane", "Detection", "Faults",
        "Files",
        "GuestTrace", "KubernetesAPI", "KubernetesRendering", "Manifests", "NameResolution", "NetworkIsolation", "Node",
        "Operator", "Probes", "Proxy", "SecretStore", "Sentinel", "ServerCertificates", "Storage", "Supervision",
        "Verification", argumentParser, logging,
      ],
      swiftSettings: swift),

    /** Measures the platform beside its peers: no part of what ships. */
    .executableTarget(
      name: "Benchmarks",
      dependencies: [
        "Admission", "APIClient", "APIModel", "AgentModel", "AuditLog", "Blueprint", "CertificateAuthority",
        "ChildProcess", "Detection", "Files", "GuestTrace", "JSONValues", "KernelFiles", "KubernetesAPI",
        "KubernetesRendering", "NetworkIsolation", "Proxy", "Rego", "SecretStore", "Sentinel",
        "Storage", "Supervision", "TestSupport", "TraceWriting",
      ],
      path: "Benchmarks", swiftSettings: swift),

    /** What tests of several rooms start: real servers. No part of what ships. */
    .target(
      name: "TestSupport",
      dependencies: [
        "AgentModel", "CertificateAuthority", "ChildProcess", "Faults", "HCL", "KubernetesAPI", "SecretStore",
        "Supervision", logging,
      ],
      path: "Tests/TestSupport", swiftSettings: swift),

    /** Messages of gVisor's trace protocol, written for tests and benchmarks. No part of what ships. */
    .target(name: "TraceWriting", path: "Tests/TraceWriting", swiftSettings: swift),

    /** Random numbers that are the same in each run, for tests that vary their input. No part of what ships. */
    .target(name: "SeededRandom", path: "Tests/SeededRandom", swiftSettings: swift),

    // Tests: one target per room.

    .testTarget(name: "HouseTests", exclude: ["rooms.txt"], swiftSettings: swift),
    tests("KernelFilesTests", ["KernelFiles"]),
    tests("InstrumentsTests", ["Instruments"]),
    tests(
      "AlertForwardingTests",
      ["APIModel", "AgentModel", "AlertForwarding", "AuditLog", "ChildProcess", "Faults", logging]),
    tests("AgentModelTests", ["AgentModel", "APIModel", "Faults"]),
    tests("HCLTests", ["Faults", "HCL", "SeededRandom"]),
    tests("ManifestsTests", ["Faults", "Manifests"]),
    tests("JSONValuesTests", ["JSONValues", "SeededRandom"]),
    tests(
      "KubernetesAPITests",
      [
        "CertificateAuthority", "ChildProcess", "Faults", "JSONValues", "KubernetesAPI", "SeededRandom", "TestSupport",
        logging, nioCore, nioHTTP1, nioPosix, nioSSL, nioWebSocket,
      ]),
    tests(
      "ServerIdentitiesTests",
      [
        "APIClient", "AlertForwarding", "CertificateAuthority", "Faults", "KubernetesAPI", "SecretStore",
        "ServerIdentities", asyncHTTPClient, nioCore, nioHTTP1, nioHTTP2, nioPosix, nioSSL,
      ]),
    tests("TextEncodingsTests", ["TextEncodings"]),
    tests("BlueprintTests", ["AgentModel", "Blueprint", "Documents", "Faults", "Manifests"]),
    tests(
      "OperatorTests",
      [
        "AgentModel", "Blueprint", "ChildProcess", "ClusterAgents", "ClusterVerification", "Documents", "Faults",
        "GuestTrace", "JSONValues", "KubernetesAPI", "KubernetesRendering", "Operator", "SecretStore", "Sentinel",
        "TestSupport", "Verification", logging, nioCore, nioPosix,
      ]),
    tests(
      "ClusterNamesTests",
      [
        "APIModel", "AgentModel", "Blueprint", "ChildProcess", "ClusterAgents", "ClusterNames", "Faults", "JSONValues",
        "KubernetesAPI",
        "KubernetesRendering", "NameResolution", "Probes", "SeededRandom", "TestSupport", logging,
      ]),
    tests("NameServingTests", ["AgentModel", "ChildProcess", "NameResolution", "NameServing", "TestSupport", logging]),
    tests(
      "KubernetesRenderingTests",
      [
        "Admission", "AgentModel", "Blueprint", "ChildProcess", "Documents", "Faults", "HCL", "JSONValues",
        "KubernetesRendering",
        "Manifests", "NetworkIsolation", "Proxy", "Rego", "SecretStore", "SeededRandom", "TestSupport",
      ]),
    tests("AuditLogTests", ["AuditLog", "Faults", "SeededRandom", crypto]),
    tests("DetectionTests", ["AgentModel", "Detection", "Faults", "Manifests", "SeededRandom"]),
    tests("RegoTests", ["Rego", "SeededRandom", "TestSupport"]),
    tests("AdmissionWebhookTests", ["Admission", "AdmissionWebhook", "AgentModel", "ChildProcess", logging]),
    tests("AdmissionTests", ["Admission", "Faults", "Manifests", "Rego", "SeededRandom"]),
    tests("GuestTraceTests", ["Detection", "GuestTrace", "Manifests", "SeededRandom", "TraceWriting"]),
    tests("MarkdownTests", ["Markdown"]),
    tests("ComplianceTests", ["APIModel", "Compliance"]),
    tests("PlanningTests", ["AgentModel", "Planning"]),
    tests("NameResolutionTests", ["AgentModel", "Faults", "NameResolution", "SeededRandom"]),
    tests(
      "CertificateAuthorityTests",
      ["AgentModel", "CertificateAuthority", "ChildProcess", "Faults", "SeededRandom", crypto, swiftASN1, x509]),
    .testTarget(
      name: "WorkloadAPITests",
      dependencies: [
        "AgentModel", "CertificateAuthority", "ChildProcess", "TestSupport", "WorkloadAPI", logging, nioCore, nioHPACK,
        nioHTTP2,
        nioPosix,
      ], exclude: ["client.py", "requirements.txt"], swiftSettings: swift),
    tests("ACMEClientTests", ["ACMEClient", "AgentModel", "ChildProcess", "Faults"]),
    tests(
      "SecretStoreTests",
      ["AgentModel", "CertificateAuthority", "ChildProcess", "Faults", "HCL", "SecretStore", "TestSupport"]),
    .testTarget(
      name: "ProxyTests", dependencies: ["AgentModel", "ChildProcess", "Faults", "JSONValues", "Proxy"],
      exclude: ["Reference"], swiftSettings: swift),
    tests(
      "SentinelTests",
      [
        "APIModel", "AgentModel", "ChildProcess", "Detection", "Faults", "GuestTrace", "NameResolution",
        "Blueprint", "ClusterAgents", "Documents", "JSONValues", "KubernetesAPI", "KubernetesRendering",
        "NetworkIsolation",
        "NodeProtocol", "Sentinel", "TestSupport", "TraceWriting", logging,
      ]),
    tests("ChildProcessTests", ["ChildProcess", "Faults"]),
    tests("TurnsTests", ["Turns"]),
    tests("ImagesTests", ["AgentModel", "ChildProcess", "Faults", "Images"]),
    tests("SandboxTests", ["AgentModel", "ChildProcess", "Documents", "Faults", "Sandbox"]),
    tests(
      "NetworkIsolationTests",
      [
        "AgentModel", "ChildProcess", "CLinux", "Documents", "Faults", "NetworkIsolation",
        "SeededRandom",
      ]),
    .testTarget(
      name: "StorageTests",
      dependencies: [
        "APIModel", "AgentModel", "AuditLog", "ChildProcess", "Faults", "SeededRandom", "Storage", grdb,
      ], exclude: ["Reference"], swiftSettings: swift),
    tests("NodeProtocolTests", ["AgentModel", "Documents", "Faults", "Framing", "NodeProtocol", logging, nioCore]),
    tests(
      "NodeTests",
      [
        "AgentModel", "CertificateAuthority", "ChildProcess", "Documents", "Faults", "Framing", "JSONValues",
        "NameResolution", "NameServing",
        "NetworkIsolation", "Node", "NodeProtocol", "Proxy", "SecretStore", "Sentinel", "TestSupport", logging,
        nioCore,
      ]),
    tests(
      "ControlPlaneTests",
      [
        "ACMEClient", "APIClient", "APIModel", "AgentModel", "AlertForwarding", "AuditLog", "Blueprint",
        "CertificateAuthority",
        "ChildProcess", "ClusterAgents", "Compliance", "ControlPlane", "Documents", "Faults", "Framing", "Instruments",
        "JSONValues", "KubernetesAPI", "KubernetesRendering", "NodeProtocol",
        "SecretStore", "Storage", crypto, httpTypes, hummingbird, hummingbirdTesting,
        logging, nioCore, serviceLifecycle,
      ]),
    tests(
      "SupervisionTests",
      [
        "APIModel", "AgentModel", "AlertForwarding", "AuditLog", "ChildProcess", "Faults", "NetworkIsolation",
        "Storage",
        "Supervision", logging,
      ]),
    tests(
      "VerificationTests",
      ["APIModel", "AgentModel", "ChildProcess", "Compliance", "Faults", "Files", "TestSupport", "Verification"]),
    tests(
      "ClusterVerificationTests",
      [
        "AgentModel", "APIModel", "AuditLog", "Blueprint", "ClusterVerification", "Compliance", "Faults", "JSONValues",
        "KubernetesAPI", "KubernetesRendering", "TestSupport", "Verification",
      ]),
    .testTarget(
      name: "IntegrationTests",
      dependencies: [
        "AgentModel", "APIClient", "APIModel", "AuditLog", "Blueprint", "ChildProcess", "Faults", "JSONValues",
        "KernelFiles", "KubernetesAPI", "KubernetesRendering", "NetworkIsolation", "Storage", "Supervision",
        "TestSupport", crypto,
      ],
      exclude: [
        "hvac_client.py", "requirements.txt", "Scanners/schemathesis.toml", "Scanners/schemathesis.txt",
        "SwitchedOff/toolbox",
      ], swiftSettings: swift),
  ],
  swiftLanguageModes: [.v6]
)
