/// A name server in Python that knows every name, each by the same address.
enum NameServer {
  static func program(in directory: String, address: String, port: UInt16, answer: String) -> BackgroundProgram {
    BackgroundProgram("names", in: directory, "python3", ["-c", script, address, "\(port)", answer])
  }

  static let script = """
    from socket import AF_INET, SOCK_DGRAM, inet_aton, socket
    from sys import argv
    s = socket(AF_INET, SOCK_DGRAM); s.bind((argv[1], int(argv[2])))
    while True:
        data, peer = s.recvfrom(512)
        end = data.index(b"\\0", 12)
        if data[end + 1:end + 3] != b"\\0\\1": head, record = b"\\x81\\x80\\0\\1\\0\\0\\0\\0\\0\\0", b""
        else:
            head = b"\\x81\\x80\\0\\1\\0\\1\\0\\0\\0\\0"
            record = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\x0e\\x10\\0\\4" + inet_aton(argv[3])
        s.sendto(data[:2] + head + data[12:end + 5] + record, peer)
    """
}
