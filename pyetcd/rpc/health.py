"""grpc.health.v1.Health: the server as a whole, under the empty service name."""

from __future__ import annotations

from pyetcd.pb import health_pb2 as health
from pyetcd.rpc.decode import STREAM, decode
from pyetcd.wire.call import Call, Code, Kind, Method

SERVING = health.HealthCheckResponse.SERVING
SERVICE_UNKNOWN = health.HealthCheckResponse.SERVICE_UNKNOWN


class HealthService:
    """Always SERVING while the port is open (wire contract, section 1.1)."""

    def methods(self) -> list[Method]:
        """The service's RPCs."""
        prefix = b"/grpc.health.v1.Health/"
        return [
            Method(prefix + b"Check", Kind.UNARY, self.check),
            Method(prefix + b"List", Kind.UNARY, self.list),
            Method(prefix + b"Watch", Kind.SERVER_STREAM, self.watch),
        ]

    def check(self, call: Call, body: bytes) -> None:
        r = decode(call, health.HealthCheckRequest, body)
        if r is None:
            return
        if r.service:
            call.fail(Code.NOT_FOUND, "unknown service")
        else:
            call.reply(health.HealthCheckResponse(status=SERVING).SerializeToString())

    def list(self, call: Call, body: bytes) -> None:
        if decode(call, health.HealthListRequest, body) is None:
            return
        answer = health.HealthListResponse()
        answer.statuses[""].status = SERVING
        call.reply(answer.SerializeToString())

    def watch(self, call: Call, body: bytes) -> None:
        """The state now; it never changes while the server runs, so the stream stays silent after that."""
        r = decode(call, health.HealthCheckRequest, body, STREAM)
        if r is not None:
            status = SERVICE_UNKNOWN if r.service else SERVING
            call.send(health.HealthCheckResponse(status=status).SerializeToString())
