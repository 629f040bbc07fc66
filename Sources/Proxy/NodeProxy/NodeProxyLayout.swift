import AgentModel

/// Where the node proxy of one instance listens, reads and writes.
package struct NodeProxyLayout: Hashable, Sendable {
  /// Whose requests come to it.
  package var audience = Audience.machine
  /// The files that it watches.
  package var files: EnvoyFiles
  package var adminSocket: String
  /// What it refused, a line of JSON each; bounded lines, but the file itself grows until somebody rotates it.
  package var denialLog: String
  /// The address that the agents' traffic to ports 80 and 443 is redirected to. It need not exist yet.
  package var serviceAddress: String
  package var httpPort: UInt16 = 15080
  package var tlsPort: UInt16 = 15443
  /// The control plane's socket for callers with a certificate.
  package var apiSocket: String
  /// Where the gateway's requests come in. Its directory decides who may connect, mutual TLS who is served.
  package var ingressSocket: String
  package var trustDomain: TrustDomain = .default
  /// Roots that vouch for the hosts on the Internet (PEM file).
  package var hostRoots: String = "/etc/ssl/certs/ca-certificates.crt"
  /// A name server; `nil` asks the machine's own.
  package var resolver: Resolver?
  /// The port of the hosts outside; another one than 443 is for tests.
  package var hostPort: UInt16 = 443
  /// How long a passed-through connection lives on when its rule is gone.
  package var drainSeconds = 3
  /// Requests of one agent in a second; bursts may be twice that.
  package var requestsPerSecond = 50
  /// Longest request body, in bytes.
  package var longestBody = 32 << 20
  /// Memory at which it begins to refuse work, in bytes.
  package var largestHeap = 1 << 29
  /// Each credential costs an inotify instance of the proxy's user, who has 1024 when 'lobstack up' has started it, and
  /// Envoy ends itself when there is none left.
  package var mostCredentials = 900

  package init(
    files: EnvoyFiles, adminSocket: String, denialLog: String, serviceAddress: String, apiSocket: String,
    ingressSocket: String
  ) {
    self.files = files
    self.adminSocket = adminSocket
    self.denialLog = denialLog
    self.serviceAddress = serviceAddress
    self.apiSocket = apiSocket
    self.ingressSocket = ingressSocket
  }

  package enum Audience: Hashable, Sendable {
    /// All agents of a machine: an agent is known by its source address, which the firewall keeps true.
    case machine
    /// The one agent of that name, of a cluster: whoever reaches the proxy is that agent, which NetworkPolicies keep
    /// true, and its address is known to the cluster's name service alone. The files are a volume of Kubernetes, and
    /// so are the credentials in their directory, each in a file of the secret's name.
    case agent(name: String, credentials: String)
  }

  package struct Resolver: Hashable, Sendable {
    package var address: String
    package var port: UInt16

    package init(address: String, port: UInt16 = 53) {
      self.address = address
      self.port = port
    }
  }
}
