"""The catalogue's words about `Undo last deploy`; a part of deploy.catalogue."""

from config.lib.errors import Entry

UNDO = {
    "undo_while_running": Entry(
        "{host} is being deployed to right now",
        "What is under way would come in between.",
        "Wait until the deployment has ended, then press Undo last deploy.",
    ),
    "undo_nothing_kept": Entry(
        "There is nothing to bring back for {host}",
        "This deployment changed nothing, was undone already, or a later one has been there. A panel gets the "
        "certificate before it only while that one is valid.",
        "To go back to an older certificate, upload it, or choose it for Deploy now by the API.",
    ),
    "undo_revoked": Entry(
        "What would come back to {host} is revoked",
        "The certificate that this deployment replaced was revoked by its CA since: browsers refuse it, and whoever "
        "had it revoked may have done so because its key is known to others.",
        "Keep what is installed, or press Renew now and deploy the new certificate.",
    ),
    "deploy_undone": Entry(
        "The deployment was undone",
        "Somebody pressed Undo last deploy, so the files that it had replaced came back.",
        "Press Deploy now to put the certificate in place again.",
    ),
}
