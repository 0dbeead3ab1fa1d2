"""On its own: PostgreSQL alters no table whose rows the same transaction has changed."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("certificates", "0002_keys_of_domains")]

    operations = [
        migrations.AlterField(
            model_name="privatekey",
            name="domain",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="domains.domain"
            ),
        ),
    ]
