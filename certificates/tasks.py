"""Registers this room's job kinds."""

from datetime import timedelta

from certificates.advance import give_up, work_issuances
from certificates.models import DnsLook, Issuance
from certificates.records import stop_looking, work_looks
from config.lib import jobs

jobs.register(
    jobs.Kind(name="issuance", model=Issuance, work=work_issuances, give_up=give_up, lease=timedelta(seconds=60))
)
jobs.register(
    jobs.Kind(name="dns_look", model=DnsLook, work=work_looks, give_up=stop_looking, lease=timedelta(seconds=60))
)
