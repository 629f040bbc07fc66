"""Speaks to the Workload API with py-spiffe, and says in JSON, a line at a time, what it got."""

import datetime
import json
import sys
import threading

import grpc
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, ExtensionPolicy
from spiffe import SpiffeId, TrustDomain, WorkloadApiClient
from spiffe._proto import workload_pb2, workload_pb2_grpc
from spiffe.svid.jwt_svid import JwtSvid


def say(**values):
    print(json.dumps(values), flush=True)


def serial(certificate):
    return format(certificate.serial_number, "x")


def context(client):
    result = client.fetch_x509_context(timeout=10)
    bundle = result.x509_bundle_set.get_bundle_for_trust_domain(TrustDomain("lobstack.local"))
    for svid in result.x509_svids:
        chain = svid.cert_chain
        leaf = chain[0]
        public = svid.private_key.public_key().public_numbers() == leaf.public_key().public_numbers()
        # cryptography checks paths for itself, knowing nothing of SPIFFE.
        verifier = (
            PolicyBuilder()
            .store(Store(list(bundle.x509_authorities)))
            .time(datetime.datetime.fromtimestamp(float(sys.argv[3]), datetime.timezone.utc))
            .extension_policies(
                ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.webpki_defaults_ee()
            )
            .build_client_verifier()
        )
        verified = verifier.verify(leaf, chain[1:])
        say(
            id=str(svid.spiffe_id),
            serial=serial(leaf),
            chain=len(chain),
            key=public,
            path=len(verified.chain),
            names=[name.value for name in verified.subjects or []],
        )


def bundles(client):
    found = client.fetch_x509_bundles(timeout=10).get_bundle_for_trust_domain(TrustDomain("lobstack.local"))
    say(roots=sorted(serial(root) for root in found.x509_authorities))


def tokens(client):
    """The keys of tokens are only believed in real time, as PyJWT has its own clock."""
    subject = SpiffeId(sys.argv[3])
    token = client.fetch_jwt_svid(audience={"openbao"}, subject=subject, timeout=10)
    keys = client.fetch_jwt_bundles(timeout=10).get_bundle_for_trust_domain(TrustDomain("lobstack.local"))
    checked = JwtSvid.parse_and_validate(token.token, keys, {"openbao"})
    client.validate_jwt_svid(token.token, "openbao", timeout=10)
    stub = workload_pb2_grpc.SpiffeWorkloadAPIStub(client._channel)
    answer = stub.ValidateJWTSVID(workload_pb2.ValidateJWTSVIDRequest(audience="openbao", svid=token.token), timeout=10)
    try:
        stub.ValidateJWTSVID(workload_pb2.ValidateJWTSVIDRequest(audience="other", svid=token.token), timeout=10)
        refusal = "none"
    except grpc.RpcError as error:
        refusal = f"{error.code().name}: {error.details()}"
    claims = answer.claims
    say(
        id=str(checked.spiffe_id),
        validated=answer.spiffe_id,
        subject=claims["sub"],
        audience=list(claims["aud"]),
        life=claims["exp"] - claims["iat"],
        all=len(client.fetch_jwt_svids(audience={"a", "b"}, timeout=10)),
        refusal=refusal,
    )


def stream(client):
    """Each update of certificates and of keys, until told to stop."""
    stop = threading.Event()

    def failed(error):
        say(error=str(error))
        stop.set()

    def certificates(update):
        domain = update.x509_svids[0].spiffe_id.trust_domain
        roots = update.x509_bundle_set.get_bundle_for_trust_domain(domain).x509_authorities
        say(serial=serial(update.x509_svids[0].cert_chain[0]), roots=len(roots))

    def keys(update):
        found = update.get_bundle_for_trust_domain(TrustDomain("lobstack.local"))
        say(keys=len(found.jwt_authorities))

    client.stream_x509_contexts(certificates, failed, retry_connect=False)
    client.stream_jwt_bundles(keys, failed, retry_connect=False)
    stop.wait(60)


def refusals(socket):
    """What callers are told who do not speak as the standard wants."""
    channel = grpc.insecure_channel(socket)
    stub = workload_pb2_grpc.SpiffeWorkloadAPIStub(channel)
    declared = (("workload.spiffe.io", "true"),)

    def code(call):
        try:
            result = call()
            next(result) if hasattr(result, "__next__") else None
            return "OK"
        except grpc.RpcError as error:
            return f"{error.code().name}: {error.details()}"

    unknown = channel.unary_unary("/SpiffeWorkloadAPI/Nothing", lambda m: m, lambda m: m)
    broken = channel.unary_unary("/SpiffeWorkloadAPI/FetchJWTSVID", lambda m: m, lambda m: m)
    say(
        undeclared=[
            code(lambda: stub.FetchX509SVID(workload_pb2.X509SVIDRequest(), timeout=10)),
            code(lambda: stub.FetchX509Bundles(workload_pb2.X509BundlesRequest(), timeout=10)),
            code(lambda: stub.FetchJWTSVID(workload_pb2.JWTSVIDRequest(audience=["a"]), timeout=10)),
            code(lambda: stub.FetchJWTBundles(workload_pb2.JWTBundlesRequest(), timeout=10)),
            code(lambda: stub.ValidateJWTSVID(workload_pb2.ValidateJWTSVIDRequest(), timeout=10)),
        ],
        declared_wrongly=code(
            lambda: stub.FetchX509SVID(
                workload_pb2.X509SVIDRequest(), metadata=(("workload.spiffe.io", "yes"),), timeout=10
            )
        ),
        declared=code(lambda: stub.FetchX509SVID(workload_pb2.X509SVIDRequest(), metadata=declared, timeout=10)),
        no_audience=code(lambda: stub.FetchJWTSVID(workload_pb2.JWTSVIDRequest(), metadata=declared, timeout=10)),
        foreign=code(
            lambda: stub.FetchJWTSVID(
                workload_pb2.JWTSVIDRequest(audience=["a"], spiffe_id="spiffe://lobstack.local/ns/system/gateway"),
                metadata=declared,
                timeout=10,
            )
        ),
        no_token=code(
            lambda: stub.ValidateJWTSVID(workload_pb2.ValidateJWTSVIDRequest(), metadata=declared, timeout=10)
        ),
        unknown=code(lambda: unknown(b"", metadata=declared, timeout=10)),
        broken=code(lambda: broken(b"\x0a\xff\xff\xff", metadata=declared, timeout=10)),
        large=code(lambda: broken(b"\x0a\x80\x80\x08" + b"a" * 131072, metadata=declared, timeout=10)),
        compressed=code(
            lambda: stub.FetchJWTSVID(
                workload_pb2.JWTSVIDRequest(audience=["a" * 500]),
                metadata=declared,
                timeout=10,
                compression=grpc.Compression.Gzip,
            )
        ),
    )


if __name__ == "__main__":
    command, address = sys.argv[1], "unix:" + sys.argv[2]
    if command == "refusals":
        refusals(address)
    else:
        client = WorkloadApiClient(address)
        {"context": context, "bundles": bundles, "tokens": tokens, "stream": stream}[command](client)
        client.close()
