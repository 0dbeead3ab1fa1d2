from django.db import migrations, models

from config.lib.migrating import AddIndexBeside


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("notifications", "0005_ticket_ends")]

    operations = [
        AddIndexBeside(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("settled_at__isnull", False)), fields=["settled_at"], name="delivery_by_settling"
            ),
        ),
    ]
