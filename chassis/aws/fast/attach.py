"""Makes the calls of a client through this package, if its service, endpoint and network allow it."""

import os
from typing import Any

from botocore.httpsession import get_cert_path
from botocore.session import Session
from botocore.utils import get_environ_proxies

from chassis.aws.fast.calls import PROTOCOL, Calls, Keys
from chassis.aws.fast.connections import Connections, place_of
from chassis.aws.fast.operations import Operations


def attach(client: Any, session: Session, connect: float, read: float) -> bool:
    """Makes the calls of `client` from now on, within the request's deadline. `session` made the client.

    A client of DynamoDB must be that of boto3's resource, which takes and returns plain Python values.
    Returns False, and does nothing, if it cannot: its service has another protocol, or its endpoint a path or a proxy.
    The time-outs are in seconds.
    """
    url, meta = client.meta.endpoint_url, client.meta
    place = place_of(url)
    usual = (meta.service_model.resolved_protocol, meta.config.signature_version, place.target) == (PROTOCOL, "v4", "/")
    if not usual or get_environ_proxies(url).get(place.scheme):
        return False
    authorities: Any = session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE") or True
    connections = Connections(connect, read, str(get_cert_path(authorities)))
    frozen = Keys(session.get_credentials(), connect + read).frozen
    client._make_api_call = Operations(client, Calls(client, frozen, connections), client._make_api_call).make  # noqa: SLF001
    return True
