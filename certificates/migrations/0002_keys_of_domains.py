"""Give every private key the domain of what it was made for, and destroy those that belong to nothing."""

import django.db.models.deletion
from django.db import migrations, models


def link_keys(apps, schema_editor):
    keys = apps.get_model("certificates", "PrivateKey")._base_manager
    for name in ("Issuance", "Certificate"):
        rows = apps.get_model("certificates", name)._base_manager.exclude(private_key=None)
        for key, domain in rows.values_list("private_key_id", "domain_id"):
            keys.filter(pk=key).update(domain_id=domain)
    keys.filter(domain=None).delete()


class Migration(migrations.Migration):
    dependencies = [("certificates", "0001_initial"), ("domains", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="privatekey",
            name="domain",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="domains.domain"
            ),
        ),
        migrations.RunPython(link_keys, migrations.RunPython.noop),
    ]
