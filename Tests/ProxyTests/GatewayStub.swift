/// What stands behind a gateway in tests, in Python: `stub.py <directory> <certificate>` serves the control plane's part
/// on `api.sock` with mutual TLS, an agent's on `agent.sock`.
/// Files in the directory change its mind: `authorize-fails`, `authorize-hangs`.
let gatewayStub = #"""
  import base64, hashlib, http.server, json, os, socket, socketserver, ssl, sys, threading, time

  home, certificate = sys.argv[1], sys.argv[2]

  class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
      daemon_threads, request_queue_size, tls = True, 512, None
      def get_request(self):
          return super().get_request()[0], ("unix", 0)
      def finish_request(self, request, address):
          if self.tls:
              try: request = self.tls.wrap_socket(request, server_side=True)
              except OSError: return
          super().finish_request(request, address)

  class Handler(http.server.BaseHTTPRequestHandler):
      protocol_version, server_version = "HTTP/1.1", "Banner/1.2.3"
      def log_message(self, *_): pass

      def body(self):
          if "chunked" not in self.headers.get("transfer-encoding", ""):
              return self.rfile.read(int(self.headers.get("content-length") or 0))
          whole = b""
          while size := int(self.rfile.readline().split(b";")[0], 16):
              whole += self.rfile.read(size); self.rfile.readline()
          self.rfile.readline()
          return whole

      def answer(self, status, value, headers={}):
          text = json.dumps(value).encode()
          self.send_response(status)
          for name, content in {"x-powered-by": "banner", "set-cookie": "a=b", **headers}.items():
              self.send_header(name, content)
          self.send_header("content-length", str(len(text))); self.end_headers(); self.wfile.write(text)

      def authorize(self):
          self.body()
          with open(home + "/authorize.log", "a") as log:
              log.write(json.dumps({"method": self.command, "path": self.path, "headers": self.fields()}) + "\n")
          if os.path.exists(home + "/authorize-fails"): return self.answer(500, {})
          if os.path.exists(home + "/authorize-hangs"): time.sleep(20)
          token = self.headers.get("authorization")
          if token == "Bearer good": return self.answer(200, {})
          problem = {"content-type": "application/problem+json"}
          if token: return self.answer(403, {"detail": "not your agent"}, problem)
          self.answer(401, {"detail": "no token"}, {**problem, "www-authenticate": "Bearer"})

      def fields(self): return {name.lower(): value for name, value in self.headers.items()}

      def events(self):
          self.send_response(200); self.send_header("content-type", "text/event-stream")
          self.send_header("transfer-encoding", "chunked"); self.end_headers()
          for count in range(4):
              text = b"data: %.3f\n\n" % time.time()
              self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text)); self.wfile.flush(); time.sleep(0.25)
          self.wfile.write(b"0\r\n\r\n")

      def socket(self):
          key = (self.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()
          self.send_response(101); self.send_header("upgrade", "websocket"); self.send_header("connection", "upgrade")
          self.send_header("sec-websocket-accept", base64.b64encode(hashlib.sha1(key).digest()).decode())
          self.end_headers(); self.wfile.flush()
          while data := self.rfile.read1(4096):
              self.wfile.write(data.upper()); self.wfile.flush()
              if b"bye" in data: break
          self.close_connection = True

      def any(self):
          if self.role == "api" and self.path.startswith("/internal/authorize"): return self.authorize()
          if self.path.endswith("/events"): return self.events()
          if self.headers.get("upgrade", "").lower() == "websocket": return self.socket()
          peer = self.connection.getpeercert() if self.role == "api" else {}
          self.answer(200, {
              "role": self.role, "method": self.command, "path": self.path, "headers": self.fields(),
              "length": len(self.body()), "peer": [value for _, value in peer.get("subjectAltName", ())]})
      do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = any

  def serve(name, role, tls=None):
      server = UnixServer(home + "/" + name, type("Role", (Handler,), {"role": role}))
      server.tls = tls
      threading.Thread(target=server.serve_forever, daemon=True).start()

  tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  tls.minimum_version, tls.verify_mode = ssl.TLSVersion.TLSv1_3, ssl.CERT_REQUIRED
  tls.load_cert_chain(f"{home}/{certificate}.crt", f"{home}/{certificate}.key")
  tls.load_verify_locations(home + "/mesh.crt")
  serve("agent.sock", "agent")
  serve("api.sock", "api", tls)
  threading.Event().wait()
  """#
