"""The PDK that the gateway offers to plugins: one table of its functions, by the names that plugins call."""

from __future__ import annotations

from kong_vault_py.testing.pdk.client import FUNCTIONS as CLIENT
from kong_vault_py.testing.pdk.function import PdkFunction
from kong_vault_py.testing.pdk.log import FUNCTIONS as LOG
from kong_vault_py.testing.pdk.node import FUNCTIONS as NODE
from kong_vault_py.testing.pdk.request import FUNCTIONS as REQUEST
from kong_vault_py.testing.pdk.response import FUNCTIONS as RESPONSE
from kong_vault_py.testing.pdk.service import FUNCTIONS as SERVICE
from kong_vault_py.testing.pdk.service_request import FUNCTIONS as SERVICE_REQUEST
from kong_vault_py.testing.pdk.service_response import FUNCTIONS as SERVICE_RESPONSE

__all__ = ["NOT_SIMULATED", "PDK"]

#: Every function that the gateway simulates.
PDK: dict[str, PdkFunction] = REQUEST | RESPONSE | SERVICE | SERVICE_REQUEST | SERVICE_RESPONSE | CLIENT | NODE | LOG

#: What Kong has and the gateway has not: a call fails the request loudly, where an unknown name is only logged.
NOT_SIMULATED = (
    "kong.cache.",
    "kong.client.tls.",
    "kong.cluster.",
    "kong.configuration.",
    "kong.db.",
    "kong.dns.",
    "kong.enterprise_edition.",
    "kong.jwe.",
    "kong.log.deprecation",
    "kong.log.inspect",
    "kong.nginx.get_statistics",
    "kong.nginx.get_tls1_version_str",
    "kong.service.set_tls_",
    "kong.table.",
    "kong.telemetry.",
    "kong.tracing.",
    "kong.vault.flush",
    "kong.vault.try",
    "kong.vault.update",
    "kong.vault.warmup",
    "kong.websocket.",
    "kong.worker_events.",
)
