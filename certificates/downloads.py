"""How a file with a private key leaves by HTTP."""

from django.http import HttpResponse

from certificates.bundles import Download


def as_download(download: Download) -> HttpResponse:
    """A file with a private key, which nothing on the way keeps."""
    return HttpResponse(
        download.content,
        content_type=download.content_type,
        headers={
            "Content-Disposition": f'attachment; filename="{download.name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )
