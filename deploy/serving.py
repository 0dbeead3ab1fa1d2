"""Answers the certificates room: which targets were last seen serving a certificate."""

import uuid

from certificates.models import Certificate
from certificates.serving import Reporter, reporters
from deploy.models import Target


def _serving(certificate: Certificate) -> list[uuid.UUID]:
    targets = certificate.installed_on.all()
    return [target.pk for target in targets if target.last_status == Target.Status.OK]


reporters.add("deploy", Reporter("installed_on", _serving))
