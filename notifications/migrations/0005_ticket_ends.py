"""A ticket keeps when its cause was told and when it ended; one message at a time is on its way to it."""

from django.db import migrations, models

import config.lib.clock


class Migration(migrations.Migration):
    dependencies = [("notifications", "0004_tickets")]

    operations = [
        migrations.RemoveField(model_name="ticket", name="opener"),
        migrations.RemoveField(model_name="ticket", name="tried_at"),
        migrations.AddField(
            model_name="ticket", name="told_at", field=models.DateTimeField(default=config.lib.clock.now)
        ),
        migrations.AddField(model_name="ticket", name="ended_at", field=models.DateTimeField(blank=True, null=True)),
        migrations.AddField(model_name="ticket", name="ended_by", field=models.CharField(blank=True, max_length=500)),
        migrations.AddField(model_name="ticket", name="busy_until", field=models.DateTimeField(blank=True, null=True)),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", False), ("resolved_at", None)),
                fields=["ended_at"],
                name="ticket_left_open",
            ),
        ),
    ]
