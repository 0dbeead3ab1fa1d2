"""The two addresses from which machines pull: no session, no cookie, the token in the header `Authorization`."""

from allauth.core.internal.httpkit import get_client_ip
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_GET

from accounts.access import public_view
from accounts.api_limits import count_request
from accounts.problems import Problem
from certificates.bundles import pack_pem, pack_tar
from certificates.models import Certificate, PullToken
from certificates.pull.tokens import certificate_of, find_pull_token, note_pull

A_MINUTE = 30
REALM = 'Bearer realm="pull"'
_PLAIN = "text/plain; charset=utf-8"


@public_view("the pull token in the header is the key; it is found by its hash alone")
@require_GET
def give_tar(request: HttpRequest) -> HttpResponseBase:
    return _give(request, "bundle.tar")


@public_view("the pull token in the header is the key; it is found by its hash alone")
@require_GET
def give_pem(request: HttpRequest) -> HttpResponseBase:
    return _give(request, "bundle.pem")


def _give(request: HttpRequest, name: str) -> HttpResponseBase:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    token = find_pull_token(secret.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        return _refuse(401, "This is no pull token, or it was revoked.", {"WWW-Authenticate": REALM})
    try:
        count_request(f"pull:{token.pk}", limit=A_MINUTE)
    except Problem as problem:
        wait = str(problem.retry_after)
        return _refuse(429, f"Too many requests; ask again in {wait} seconds.", {"Retry-After": wait})
    certificate = certificate_of(token)
    if certificate is None:
        return _refuse(404, f"There is no valid certificate for {', '.join(token.names)} on file now.")
    return _answer(request, name, token, certificate)


def _answer(request: HttpRequest, name: str, token: PullToken, certificate: Certificate) -> HttpResponseBase:
    """304 to whoever has it already: then no key is opened."""
    etag = f'"{certificate.fingerprint_sha256[:32]}"'
    known = get_conditional_response(request, etag=etag)
    response = known or _packed(name, certificate)
    note_pull(token=token, certificate=certificate, ip=get_client_ip(request), is_given=known is None)
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache, no-store"
    return response


def _packed(name: str, certificate: Certificate) -> HttpResponse:
    content = pack_tar(certificate) if name == "bundle.tar" else pack_pem(certificate)
    kind = "application/x-tar" if name == "bundle.tar" else "application/x-pem-file"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content, content_type=kind, headers=headers)


def _refuse(status: int, words: str, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(
        f"{words}\n", status=status, content_type=_PLAIN, headers={"Cache-Control": "no-store", **(headers or {})}
    )
