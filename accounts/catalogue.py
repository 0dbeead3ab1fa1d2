"""Words of this room's codes."""

from config.lib.errors import Entry, register

register(
    {
        "secret_unreadable": Entry(
            "A stored secret does not open",
            "None of the configured encryption keys fits it, or the row was changed outside of the portal.",
            "Put the key it was sealed with into SECRETS_ENCRYPTION_KEYS_OLD, or enter the secret again.",
        ),
        "encryption_key_missing": Entry(
            "This process holds no encryption key",
            "The {role} role runs without one, on purpose.",
            "Run this work in a worker of the work role.",
        ),
        "job_quarantined": Entry(
            "Stopped after {claims} attempts that ended without a result",
            "The worker died or lost its lease each time it tried.",
            "Read the worker's log for this row, then start it again by hand.",
        ),
        "not_signed_in": Entry(
            "You are not signed in",
            "The request carried neither an API token nor a signed-in session.",
            "Send `Authorization: Bearer mmc_…` with a token of this workspace, or sign in.",
        ),
        "token_refused": Entry(
            "The API token is not accepted",
            "It is mistyped, expired or revoked, or the person who made it has left the workspace.",
            "Make a new token under Settings, API tokens.",
        ),
        "not_found": Entry(
            "There is nothing here",
            "No such row exists in this workspace, or no such address in the API.",
            "Check the id, and that the token belongs to the workspace you mean.",
        ),
        "role_too_low": Entry(
            "Your role does not allow this",
            "Members view domains, alerts and activity; everything else takes an admin.",
            "Ask an admin of the workspace, or use a token with the role admin.",
        ),
        "scope_missing": Entry(
            "The API token lacks the scope {scope}",
            "This operation needs it, and tokens can do only what their scopes say.",
            "Make a token with the scope {scope} under Settings, API tokens.",
        ),
        "key_scope_required": Entry(
            "The API token lacks the scope keys",
            "What contains a private key leaves the portal only by a token that was made for it.",
            "Make a token with the scope keys under Settings, API tokens.",
        ),
        "email_unverified": Entry(
            "The e-mail address is not verified yet",
            "Proving ownership, issuing, SSH, invitations and tokens wait until the address is known to be yours.",
            "Open the link in the verification mail, or ask for a new one under E-mail address.",
        ),
        "reauthentication_needed": Entry(
            "Confirm that it is you",
            "Private keys are given out only within 10 minutes after the password was entered.",
            "Enter your password again on the portal's page, or use a token with the scope keys.",
        ),
        "csrf_failed": Entry(
            "The CSRF token is missing or wrong",
            "A change by a signed-in session must carry the token of its cookie.",
            "Send the X-CSRFToken header, or use an API token.",
        ),
        "workspace_missing": Entry(
            "Which workspace?",
            "You belong to several workspaces, or to none.",
            "Add ?workspace=<id> to the address.",
        ),
        "input_invalid": Entry(
            "The input does not fit",
            "These fields were refused: {names}.",
            "See `fields` for what is wrong with each.",
        ),
        "request_malformed": Entry(
            "The request cannot be read",
            "Its address or its form has too many fields, or is broken.",
            "Send what the operation takes, and the body as JSON.",
        ),
        "method_not_allowed": Entry(
            "The address does not take {method}",
            "It takes {allowed}.",
            "See the API page of the documentation for what each address takes.",
        ),
        "body_malformed": Entry(
            "The request's body cannot be read",
            "It is not a JSON object in UTF-8.",
            "Send a JSON object with Content-Type: application/json.",
        ),
        "body_too_large": Entry(
            "The request's body is too large",
            "At most 2 MB are read.",
            "Send less in one request.",
        ),
        "too_many_requests": Entry(
            "Too many requests",
            "More than {limit} within one minute.",
            "Wait for as many seconds as the Retry-After header says.",
        ),
        "internal_error": Entry(
            "Something went wrong here",
            "This is a fault of the portal; it has been written to the log.",
            "Try again; if it stays, tell whoever runs this portal.",
        ),
        "token_scopes_missing": Entry(
            "A token needs at least one scope",
            "Without read, write or keys it could do nothing.",
            "Choose what the token may do.",
        ),
    }
)
