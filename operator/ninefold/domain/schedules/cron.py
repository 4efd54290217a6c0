"""A time that comes again by a cron schedule, as a user writes it. Pure."""

from __future__ import annotations

from pydantic import Field

from ninefold.kube.fields import Duration, TimeZone
from ninefold.kube.model import Model


class Cron(Model):
    """Again and again, by the clocks of a place."""

    schedule: str = Field(
        min_length=9,
        max_length=100,
        description='When it begins: minute, hour, day of the month, month, day of the week, as "0 18 * * FRI".',
    )
    duration: Duration = Field(description="How long it lasts from then, in real time: 1m to 14d.")
    time_zone: TimeZone = Field(default="UTC", description="Whose clocks: an IANA name such as Europe/Paris.")
