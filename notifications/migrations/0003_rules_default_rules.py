from django.db import migrations

DAYS = (30, 14, 7)


def make_default_rules(apps, schema_editor):
    """What new workspaces begin with, for those that are here already; repeatable."""
    Workspace, Rule = apps.get_model("accounts", "Workspace"), apps.get_model("notifications", "Rule")
    without = Workspace.objects.exclude(pk__in=Rule.unscoped.values("workspace"))
    Rule.unscoped.bulk_create(
        [
            Rule(
                workspace=workspace,
                name=f"{days} days before expiry",
                trigger="expiry",
                channel="email",
                days_before_expiry=days,
                is_default=True,
            )
            for workspace in without.iterator()
            for days in DAYS
        ],
        batch_size=500,
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_chores"), ("notifications", "0002_alerts")]

    operations = [migrations.RunPython(make_default_rules, migrations.RunPython.noop)]
