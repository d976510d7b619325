"""The page's metrics for Prometheus."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Counts of one app."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter("gallery_requests", "Requests answered.", ["route", "status"], registry=self._registry)
        self._seconds = Histogram(
            "gallery_request_seconds", "Seconds until the answer.", ["route"], buckets=_SECONDS, registry=self._registry
        )
        self._stages = Histogram(
            "gallery_stage_seconds", "Seconds of a search.", ["stage"], buckets=_SECONDS, registry=self._registry
        )
        self._busy = Gauge("gallery_requests_in_progress", "Requests being answered.", registry=self._registry)

    def begin(self) -> None:
        """Count a request that arrived."""
        self._busy.inc()

    def end(self, route: str, status: int, seconds: float) -> None:
        """Count an answered request. `route` is the template, because the number of addresses has no limit."""
        self._busy.dec()
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def stages(self, seconds: Mapping[str, float]) -> None:
        """Record how long the stages of a search took."""
        for stage, value in seconds.items():
            self._stages.labels(stage).observe(value)

    def text(self) -> bytes:
        """Return all of it, in Prometheus' own format."""
        return generate_latest(self._registry)
