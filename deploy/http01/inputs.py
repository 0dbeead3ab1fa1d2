"""What the API takes about HTTP-01."""

from typing import Annotated

from ninja import Schema
from pydantic import Field

from accounts.api import bad_field
from deploy.http01.answering import NO_ANSWER, Http01, check_http01, check_listener_port, check_webroot, http01_of
from deploy.models import Target


class Http01In(Schema):
    """Absent fields stay as they are. Only a domain's first target answers."""

    webroot: str | None = Field(
        None,
        max_length=300,
        description="The folder served at http://<name>/, for HTTP-01.",
        examples=["/var/www/html"],
    )
    standalone: bool | None = Field(None, description="Answer HTTP-01 by a listener of the portal's own.")
    standalone_port: Annotated[int, Field(json_schema_extra={"minimum": 1, "maximum": 65535})] | None = Field(
        None, description="Of the listener; 80 for a new target."
    )
    standalone_use_sudo: bool | None = Field(None, description="Start the listener by sudo.")


def read_http01(body: Http01In, known: Target | None) -> Http01:
    """What is given over what `known` has; 422 naming the field that is wrong."""
    old = http01_of(known) if known else NO_ANSWER
    with bad_field("webroot"):
        webroot = old.webroot if body.webroot is None else check_webroot(body.webroot)
    with bad_field("standalone_port"):
        port = old.port if body.standalone_port is None else check_listener_port(body.standalone_port)
    standalone = old.standalone if body.standalone is None else body.standalone
    use_sudo = old.use_sudo if body.standalone_use_sudo is None else body.standalone_use_sudo
    with bad_field("standalone"):
        return check_http01(Http01(webroot, standalone, port, use_sudo))
